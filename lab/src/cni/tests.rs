use serde_json::json;

use super::*;

const LIST: &str = r#"{"cniVersion":"1.0.0","name":"net","plugins":[
    {"type":"a","capabilities":{"portMappings":true,"mac":false}},{"type":"b"}]}"#;

#[test]
fn a_plugin_is_given_what_it_declared() {
    let network = Network::parse(LIST).unwrap();
    let mut call = CniCall::default();
    call.capabilities.insert("portMappings".into(), json!([1]));
    call.capabilities.insert("mac".into(), json!("x"));
    let conf = network.conf(&network.plugins[0], &call, None);
    assert_eq!(conf["runtimeConfig"], json!({"portMappings": [1]}));
    assert_eq!(conf["name"], "net");
    assert_eq!(conf["cniVersion"], "1.0.0");
    let conf = network.conf(&network.plugins[1], &call, Some(&json!({"ips": []})));
    assert_eq!(conf.get("runtimeConfig"), None);
    assert_eq!(conf["prevResult"], json!({"ips": []}));
}

#[test]
fn overrides_win_over_the_file() {
    let network = Network::parse(LIST).unwrap();
    let mut call = CniCall::default();
    call.overrides.insert("cniVersion".into(), json!("0.4.0"));
    assert_eq!(network.conf(&network.plugins[0], &call, None)["cniVersion"], "0.4.0");
}

#[test]
fn addresses_are_read_from_a_result() {
    let result = json!({"ips": [{"address": "10.244.0.2/32"}, {"address": "fd00::2/128"}]});
    assert_eq!(
        addresses(&result).iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.244.0.2", "fd00::2"]
    );
}
