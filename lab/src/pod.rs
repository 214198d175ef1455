//! A pod of the lab: a network namespace attached by CNI ADD.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use pontoon_model::attachment::{AttachmentId, PortMapping};
use serde_json::{Value, json};

use crate::cni::{self, CniCall, Verb};
use crate::host::{self, Host};
use crate::netns::Netns;
use crate::process::Process;
use crate::tool;

/// The interface that pods get.
pub const IFNAME: &str = "eth0";

/// The capability under which containerd hands over the annotations of a pod.
const POD_ANNOTATIONS: &str = "io.kubernetes.cri.pod-annotations";

/// A pod to be made.
#[derive(Debug, Clone)]
#[must_use]
pub struct PodBuilder {
    host: Host,
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    call: CniCall,
}

impl PodBuilder {
    pub(crate) fn new(host: Host, name: &str) -> Self {
        Self {
            host,
            namespace: "default".into(),
            name: name.into(),
            labels: BTreeMap::new(),
            call: CniCall::default(),
        }
    }

    /// Puts it into a namespace.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Gives it a label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Gives it an annotation, as containerd hands over those of Kubernetes pods.
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        let all = self.call.capabilities.entry(POD_ANNOTATIONS).or_insert_with(|| json!({}));
        if let Some(all) = all.as_object_mut() {
            all.insert(key.into(), value.into());
        }
        self
    }

    /// Publishes a port of it on the host.
    pub fn port(mut self, mapping: &PortMapping) -> Self {
        let entry = json!({
            "hostPort": mapping.host_port,
            "containerPort": mapping.container_port,
            "protocol": mapping.protocol.to_string(),
            "hostIP": mapping.host_ip.map(|ip| ip.to_string()).unwrap_or_default(),
        });
        let mappings = self.call.capabilities.entry("portMappings").or_insert_with(|| json!([]));
        if let Some(mappings) = mappings.as_array_mut() {
            mappings.push(entry);
        }
        self
    }

    /// Asks for certain addresses.
    pub fn addresses(mut self, addresses: &[IpAddr]) -> Self {
        let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        self.call.capabilities.insert("ips".into(), texts.into());
        self
    }

    /// Asks for a certain MAC.
    pub fn mac(mut self, mac: &str) -> Self {
        self.call.capabilities.insert("mac".into(), mac.into());
        self
    }

    /// Offers a further capability.
    pub fn capability(mut self, name: &str, value: Value) -> Self {
        self.call.capabilities.insert(name.into(), value);
        self
    }

    /// Sets a key of every plugin's configuration, such as `cniVersion`.
    pub fn conf(mut self, key: &str, value: Value) -> Self {
        self.call.overrides.insert(key.into(), value);
        self
    }

    /// Gives the plugin a further variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.call.env.push((name.into(), value.into()));
        self
    }

    /// Makes the namespace, without ADD; see [`Pod::add`].
    ///
    /// # Errors
    /// When the namespace cannot be made.
    pub fn create(mut self) -> Result<Pod> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let container_id = format!("{}-{}-{count}", self.namespace, self.name);
        let netns =
            Netns::create(self.host.path().join("pods").join(format!("{container_id}.ns")))?;
        // A runtime's own work: without it a pod does not reach its own address.
        tool::ip(&netns, "link set lo up\n")?;
        let args = [
            ("IgnoreUnknown", "1"),
            ("K8S_POD_NAMESPACE", &self.namespace),
            ("K8S_POD_NAME", &self.name),
            ("K8S_POD_INFRA_CONTAINER_ID", &container_id),
        ];
        self.call.args = args.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        if !self.labels.is_empty() {
            let labels: Vec<_> =
                self.labels.iter().map(|(k, v)| json!({"key": k, "value": v})).collect();
            self.call.overrides.insert("args".into(), json!({"cni": {"labels": labels}}));
        }
        self.call.container_id = Some(container_id);
        self.call.netns = Some(netns.path().display().to_string());
        self.call.ifname = Some(IFNAME.into());
        Ok(Pod { host: self.host, name: self.name, netns, call: self.call, result: Value::Null })
    }

    /// Makes the namespace and calls CNI ADD.
    ///
    /// # Errors
    /// When ADD fails, with what the plugin said.
    pub fn add(self) -> Result<Pod> {
        let mut pod = self.create()?;
        match pod.add() {
            Ok(()) => Ok(pod),
            Err(error) => {
                pod.netns.remove()?;
                Err(error)
            }
        }
    }
}

/// A pod. Dropping it does nothing: it goes with its lab, or by [`Pod::remove`].
#[derive(Debug)]
pub struct Pod {
    host: Host,
    name: String,
    netns: Netns,
    call: CniCall,
    result: Value,
}

impl Pod {
    /// Calls CNI ADD; again, too.
    ///
    /// # Errors
    /// When it fails, with what the plugin said.
    pub fn add(&mut self) -> Result<()> {
        let output = self.host.cni(Verb::Add, &self.call)?;
        self.result = output
            .result()
            .with_context(|| format!("ADD of {} on {}", self.name, self.host.name()))?;
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its network namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The runtime's id of it.
    #[must_use]
    pub fn container_id(&self) -> &str {
        self.call.container_id.as_deref().unwrap_or_default()
    }

    /// The attachment's id.
    ///
    /// # Errors
    /// When a test gave it an id that the specification forbids.
    pub fn attachment(&self) -> Result<AttachmentId> {
        Ok(AttachmentId { container_id: self.container_id().parse()?, ifname: IFNAME.parse()? })
    }

    /// What the last successful ADD returned.
    #[must_use]
    pub fn result(&self) -> &Value {
        &self.result
    }

    /// The CNI call that a runtime makes for it, without the result of an earlier one.
    #[must_use]
    pub fn call(&self) -> &CniCall {
        &self.call
    }

    /// Its addresses, as ADD returned them.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        cni::addresses(&self.result)
    }

    /// Its IPv4 address.
    ///
    /// # Errors
    /// When it has none.
    pub fn v4(&self) -> Result<IpAddr> {
        self.addresses()
            .into_iter()
            .find(IpAddr::is_ipv4)
            .with_context(|| format!("{} has no IPv4 address", self.name))
    }

    /// Its IPv6 address.
    ///
    /// # Errors
    /// When it has none.
    pub fn v6(&self) -> Result<IpAddr> {
        self.addresses()
            .into_iter()
            .find(IpAddr::is_ipv6)
            .with_context(|| format!("{} has no IPv6 address", self.name))
    }

    /// Runs a program in the pod's network to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn exec(&self, command: &[&str]) -> Result<String> {
        host::exec(&self.netns, command)
    }

    /// Starts a program in the pod's network; its log is in the host's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &[&str]) -> Result<Process> {
        host::spawn(self.host.folder(), &self.netns, command, &self.host.path().join("pods"))
    }

    /// Calls CNI CHECK with the result of ADD.
    ///
    /// # Errors
    /// When it fails, with what the plugin said.
    pub fn check(&self) -> Result<()> {
        self.host.cni(Verb::Check, &self.with_result())?.result().map(drop)
    }

    /// Calls CNI DEL with the result of ADD.
    ///
    /// # Errors
    /// When it fails, with what the plugin said.
    pub fn del(&self) -> Result<()> {
        self.host.cni(Verb::Del, &self.with_result())?.result().map(drop)
    }

    /// Calls CNI DEL and removes the namespace, as a runtime does.
    ///
    /// # Errors
    /// When one of them fails; the namespace is removed all the same.
    pub fn remove(self) -> Result<()> {
        let deleted = self.del();
        self.netns.remove()?;
        deleted
    }

    /// Removes the namespace without DEL, as a runtime that crashes does.
    ///
    /// # Errors
    /// When it is not there.
    pub fn leak(self) -> Result<()> {
        self.netns.remove()
    }

    fn with_result(&self) -> CniCall {
        let prev_result = (!self.result.is_null()).then(|| self.result.clone());
        CniCall { prev_result, ..self.call.clone() }
    }
}
