//! What is wrong, over the API.

use super::*;

#[tokio::test]
async fn one_check_can_be_asked_for_and_a_check_that_there_is_not_is_refused() {
    let stage = Stage::new().await;
    let all = stage.get("/v1/doctor").await;
    assert_eq!(serde_json::from_value::<Report>(all.body).unwrap(), report());
    let one = stage.get("/v1/doctor?check=mtu").await;
    assert_eq!(serde_json::from_value::<Report>(one.body).unwrap(), report().only("mtu"));
    let none = stage.get("/v1/doctor?check=mut").await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST, "{}", none.body);
    assert_eq!(none.body["field"], "check", "{}", none.body);
}
