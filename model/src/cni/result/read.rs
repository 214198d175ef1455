//! Reading a result that another plugin, or Pontoon before, has written.

use super::*;

/// For numbers whose range the kernel knows best.
const INTEGER: &str = "write an integer";

impl CniResult {
    /// Reads a result of any supported version.
    ///
    /// # Errors
    /// When a field is wrong.
    pub fn read(field: &Field<'_>) -> Result<Self, FieldError> {
        if let Some(version) = field.member("cniVersion")? {
            version.parsed_unless_empty::<SpecVersion>()?;
        }
        let interfaces = each(field, "interfaces", interface)?;
        let ips = each(field, "ips", |item| ip(item, interfaces.len()))?;
        Ok(Self {
            ips,
            routes: each(field, "routes", route)?,
            dns: field.member("dns")?.map(|dns| self::dns(&dns)).transpose()?.unwrap_or_default(),
            interfaces,
        })
    }
}

fn each<T>(
    field: &Field<'_>,
    key: &str,
    read: impl Fn(&Field<'_>) -> Result<T, FieldError>,
) -> Result<Vec<T>, FieldError> {
    match field.member(key)? {
        Some(list) => list.items()?.iter().map(read).collect(),
        None => Ok(Vec::new()),
    }
}

fn text(field: &Field<'_>, key: &str) -> Result<Option<String>, FieldError> {
    field.member(key)?.map(|member| member.text().map(str::to_owned)).transpose()
}

fn number(field: &Field<'_>, key: &str) -> Result<Option<i64>, FieldError> {
    field.member(key)?.map(|member| member.integer(INTEGER)).transpose()
}

fn network(field: &Field<'_>, key: &str) -> Result<IpNetwork, FieldError> {
    let expected = "write an address with its prefix length, such as 10.1.2.3/32";
    let member =
        field.member(key)?.ok_or_else(|| field.wrong(format!("give {key}: {expected}")))?;
    if !member.text()?.contains('/') {
        return Err(member.wrong(expected));
    }
    member.parsed().map_err(|_| member.wrong(expected))
}

fn address(field: &Field<'_>, key: &str) -> Result<Option<IpAddr>, FieldError> {
    match field.member(key)? {
        Some(member) => member.parsed_unless_empty(),
        None => Ok(None),
    }
}

fn interface(field: &Field<'_>) -> Result<ResultInterface, FieldError> {
    Ok(ResultInterface {
        name: text(field, "name")?.ok_or_else(|| field.wrong("give the interface's name"))?,
        mac: text(field, "mac")?.unwrap_or_default(),
        sandbox: text(field, "sandbox")?.unwrap_or_default(),
        mtu: number(field, "mtu")?,
        socket_path: text(field, "socketPath")?,
        pci_id: text(field, "pciID")?,
    })
}

fn ip(field: &Field<'_>, interfaces: usize) -> Result<ResultIp, FieldError> {
    // The family that versions before 1.0.0 write besides follows from the address.
    let interface = match field.member("interface")? {
        Some(index) => Some(
            index
                .integer::<usize>(INTEGER)
                .ok()
                .filter(|number| *number < interfaces)
                .ok_or_else(|| index.wrong("write the index of one of the interfaces"))?,
        ),
        None => None,
    };
    Ok(ResultIp {
        interface,
        address: network(field, "address")?,
        gateway: address(field, "gateway")?,
    })
}

fn route(field: &Field<'_>) -> Result<ResultRoute, FieldError> {
    Ok(ResultRoute {
        dst: network(field, "dst")?,
        gw: address(field, "gw")?,
        mtu: number(field, "mtu")?,
        advmss: number(field, "advmss")?,
        priority: number(field, "priority")?,
        table: number(field, "table")?,
        scope: number(field, "scope")?,
    })
}

fn dns(field: &Field<'_>) -> Result<ResultDns, FieldError> {
    let texts = |key| each(field, key, |item| item.text().map(str::to_owned));
    Ok(ResultDns {
        nameservers: texts("nameservers")?,
        domain: text(field, "domain")?.unwrap_or_default(),
        search: texts("search")?,
        options: texts("options")?,
    })
}
