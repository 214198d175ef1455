use super::*;

fn parse(text: &str) -> std::result::Result<EtcdConfig, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn defaults_and_names_are_kebab_case() {
    assert_eq!(parse("").unwrap(), EtcdConfig::default());
    let config = parse(
        r#"
        endpoints = ["10.0.0.1", "https://[fd00::1]:2380"]
        prefix = "/other/"
        ca = "/ca.pem"
        server-name = "etcd"
        username = "pontoon"
        password-file = "/password"
        connect-timeout = "500ms"
        request-timeout = "1m"
        "#,
    )
    .unwrap();
    config.validate().unwrap();
    assert_eq!(config.root().unwrap(), "/other/");
    assert_eq!(config.request_timeout, Duration::from_secs(60));
    let written = toml::to_string(&config).unwrap();
    assert_eq!(parse(&written).unwrap(), config);
}

#[test]
fn unknown_names_and_bad_durations_are_errors() {
    assert!(parse("endpoint = []").unwrap_err().to_string().contains("endpoints"));
    assert!(parse("request-timeout = 5").is_err());
    assert!(
        parse("request-timeout = \"5\"").unwrap_err().to_string().contains("500ms, 5s, 1m or 1h")
    );
}

#[test]
fn endpoints_get_scheme_and_port() {
    let uri = |endpoint: &str, ca: Option<&str>| {
        let config = EtcdConfig {
            endpoints: vec![endpoint.to_owned()],
            ca: ca.map(PathBuf::from),
            ..EtcdConfig::default()
        };
        config.uris().map(|uris| uris[0].to_string())
    };
    for (endpoint, ca, expected) in [
        ("10.0.0.1", None, "http://10.0.0.1:2379/"),
        ("10.0.0.1", Some("/ca"), "https://10.0.0.1:2379/"),
        ("etcd.example:4001", None, "http://etcd.example:4001/"),
        ("https://etcd/", None, "https://etcd:2379/"),
        ("[fd00::1]", None, "http://[fd00::1]:2379/"),
        ("http://[fd00::1]:1", None, "http://[fd00::1]:1/"),
    ] {
        assert_eq!(uri(endpoint, ca).unwrap(), expected);
    }
    for (endpoint, ca) in [
        ("", None),
        ("unix:///run/etcd", None),
        ("http://10.0.0.1:2379", Some("/ca")),
        ("http://10.0.0.1:2379/v3", None),
        ("http://10.0.0.1:99999", None),
        ("http://:2379", None),
        ("fd00::1", None),
        ("two words", None),
    ] {
        let error = uri(endpoint, ca).unwrap_err().to_string();
        assert!(
            error.contains("endpoints") && error.contains("10.0.0.1:2379 is right"),
            "{endpoint}: {error}"
        );
    }
}

#[test]
fn what_does_not_fit_together_is_refused_with_the_name_of_the_setting() {
    let base = EtcdConfig::default;
    let path = || Some(PathBuf::from("/x"));
    let text = || Some("x".to_owned());
    for (config, field) in [
        (EtcdConfig { endpoints: Vec::new(), ..base() }, "endpoints"),
        (EtcdConfig { prefix: "pontoon".to_owned(), ..base() }, "prefix"),
        (EtcdConfig { prefix: "/".to_owned(), ..base() }, "prefix"),
        (EtcdConfig { endpoints: vec!["x".to_owned()], cert: path(), ..base() }, "cert"),
        (EtcdConfig { key: path(), ..base() }, "key"),
        (EtcdConfig { username: text(), ..base() }, "username"),
        (EtcdConfig { password: text(), ..base() }, "password"),
        (
            EtcdConfig { username: text(), password: text(), password_file: path(), ..base() },
            "password",
        ),
        (EtcdConfig { request_timeout: Duration::ZERO, ..base() }, "request-timeout"),
        (EtcdConfig { connect_timeout: Duration::from_secs(3600), ..base() }, "connect-timeout"),
    ] {
        let error = config.validate().unwrap_err();
        assert!(matches!(error, Error::Invalid(_)));
        assert!(error.to_string().contains(&format!("etcd setting {field}:")), "{field}: {error}");
    }
}

#[test]
fn files_that_are_missing_or_hold_something_else_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let config = EtcdConfig {
        endpoints: vec!["etcd".to_owned()],
        ca: Some(file.clone()),
        ..EtcdConfig::default()
    };
    let uri = config.uris().unwrap().remove(0);
    let missing = config.tls(&uri).unwrap_err().to_string();
    assert!(missing.contains("etcd setting ca") && missing.contains("ca.pem"), "{missing}");
    std::fs::write(&file, "hello").unwrap();
    assert!(config.tls(&uri).unwrap_err().to_string().contains("holds no certificate"));
}

#[test]
fn a_password_file_may_end_in_a_newline_and_passwords_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "se same\n").unwrap();
    let username = Some("pontoon".to_owned());
    let config = EtcdConfig { username, password_file: Some(file), ..EtcdConfig::default() };
    assert_eq!(config.credentials().unwrap().unwrap().password, "se same");
    let config = EtcdConfig { password: Some("sesame".to_owned()), ..config };
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn an_endpoint_with_a_password_in_it_is_refused_and_not_repeated() {
    let endpoints = vec!["http://root:hunter2@10.0.0.1:2379".to_owned()];
    let error = EtcdConfig { endpoints, ..EtcdConfig::default() }.validate().unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("password-file") && !said.contains("hunter2"), "{said}");
}
