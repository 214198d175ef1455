//! The real binary, called as a runtime calls it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// One call that is to be made.
pub(crate) struct Plugin {
    program: OsString,
    arguments: Vec<OsString>,
    environment: BTreeMap<&'static str, OsString>,
    stdin: Vec<u8>,
}

impl Plugin {
    /// A call with all the variables that a runtime sets, and nothing on stdin.
    pub(crate) fn new(verb: &'static str) -> Self {
        Self::of(env!("CARGO_BIN_EXE_pontoon-cni"), verb)
    }

    /// The same of another plugin.
    pub(crate) fn of(program: impl Into<OsString>, verb: &'static str) -> Self {
        let environment = [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/run/netns/c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: environment.map(|(name, value)| (name, value.into())).into(),
            stdin: Vec::new(),
        }
    }

    pub(crate) fn arguments(
        mut self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name, value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    pub(crate) fn stdin(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.stdin = content.into();
        self
    }

    pub(crate) fn conf(self, conf: &Value) -> Self {
        self.stdin(conf.to_string())
    }

    /// The command, with pipes on stdin, stdout and stderr.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it and writes its stdin.
    pub(crate) fn start(&self) -> Child {
        let mut child = self.command().spawn().unwrap();
        // It may have ended, or been told enough, before it reads everything.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        child
    }

    pub(crate) fn run(&self) -> Answer {
        Answer::of(self.start().wait_with_output().unwrap())
    }
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        let answer = Self {
            exit: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
        answer
    }

    /// The result of an ADD or VERSION that succeeded.
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.exit, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Checks the success of a verb that has no result (CNI spec, section 2: nothing on stdout).
    pub(crate) fn done(&self) {
        assert_eq!((self.exit, self.stdout.as_str()), (Some(0), ""), "{self:?}");
    }

    /// The error document of a call that failed.
    pub(crate) fn error(&self) -> Value {
        assert_eq!(self.exit, Some(1), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Its code, once it is sure that there is something to read for a person.
    pub(crate) fn code(&self) -> u64 {
        let document = self.error();
        for key in ["cniVersion", "msg", "details"] {
            assert!(document[key].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        document["code"].as_u64().unwrap()
    }
}
