//! A dry run chooses addresses and ports that nobody keeps: the real one will choose others.

use serde_json::Value;

use crate::table::list;

/// An object as it would be, without what was chosen for this once.
pub(super) fn only(mut new: Value, written: &Value, old: Option<&Value>) -> Value {
    const CHOSEN: [&str; 3] = ["clusterIP", "clusterIPs", "healthCheckNodePort"];
    let settled = |field: &str| {
        let has = |object: &Value| !object["spec"][field].is_null();
        has(written) || old.is_some_and(|old| old["spec"][field] == new["spec"][field])
    };
    // Both fields of addresses say the same.
    let addresses =
        settled("clusterIP") || settled("clusterIPs") || new["spec"]["clusterIP"] == "None";
    let unsettled: Vec<&str> = CHOSEN
        .into_iter()
        .filter(|field| if field.starts_with("cluster") { !addresses } else { !settled(field) })
        .collect();
    let kept: Vec<Value> = [Some(written), old]
        .into_iter()
        .flatten()
        .flat_map(|object| list(object, "/spec/ports"))
        .map(|port| port["nodePort"].clone())
        .filter(|port| !port.is_null())
        .collect();
    if let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|field, _| !unsettled.contains(&field.as_str()));
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            if port.get("nodePort").is_some_and(|number| !kept.contains(number)) {
                port.remove("nodePort");
            }
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_dry_run_chose_is_not_told() {
        let written = json!({"spec": {"type": "NodePort", "ports": [{"port": 80}, {"port": 81, "nodePort": 30081}]}});
        let new = json!({"spec": {"type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
            "ports": [{"port": 80, "nodePort": 30555}, {"port": 81, "nodePort": 30081}]}});
        assert_eq!(only(new.clone(), &written, None), written);
        let old = json!({"spec": {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80, "nodePort": 30555}]}});
        assert_eq!(only(new.clone(), &written, Some(&old)), new);
    }

    #[test]
    fn headless_stays_headless_and_other_kinds_stay() {
        let new = json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}});
        assert_eq!(only(new.clone(), &json!({"spec": {"clusterIP": "None"}}), None), new);
        let pod = json!({"metadata": {"labels": {"a": "b"}}});
        assert_eq!(only(pod.clone(), &pod, None), pod);
    }
}
