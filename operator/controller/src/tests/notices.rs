//! A notice on its way to the receiver.

use super::*;

/// Takes what is posted, and answers with a status; 0 never answers.
struct Receiver {
    status: u16,
    got: Mutex<Vec<(String, Value)>>,
}

impl Post for Receiver {
    fn post(&self, address: Address, body: Vec<u8>) -> BoxFuture<'_, Result<u16, PostError>> {
        self.got.lock().unwrap().push((address.url().to_owned(), serde_json::from_slice(&body).unwrap()));
        Box::pin(async move { if self.status == 0 { std::future::pending().await } else { Ok(self.status) } })
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_goes_to_the_address_of_its_secret_and_no_failure_says_what_that_is() {
    let notice: crm_api::notice::Notice = serde_json::from_value(json!({
        "apiVersion": "crm-operator.io/v1alpha1", "kind": "Notice", "id": "crm/contoso-1/1", "event": "UsersOut",
        "namespace": "crm", "site": "contoso", "product": "SuperOffice", "change": "contoso-1", "purpose": "Upgrade",
        "from": "7.5", "to": "8.0", "recipients": [], "message": "out", "at": "2024-05-04T20:00:00Z", "timeZone": "UTC",
    }))
    .unwrap();
    for (url, status, expected) in [
        ("https://hooks.contoso.example/t/token", 204, Ok(())),
        ("https://hooks.contoso.example/t/token", 503, Err("the receiver answered with status 503")),
        ("https://hooks.contoso.example/t/token", 302, Err("the receiver answered with status 302")),
        ("https://hooks.contoso.example/t/token", 0, Err("the receiver did not answer within 20 seconds")),
        (
            "http://hooks.contoso.example/t/token",
            204,
            Err("key url of Secret crm/hook is no address that begins with https://"),
        ),
    ] {
        let data = k8s_openapi::ByteString(url.as_bytes().to_vec());
        let secret = json!({"metadata": {"name": "hook"}, "data": {"url": data}});
        let (client, _) = server(move |_, _| Some((200, secret.clone())));
        let receiver = Arc::new(Receiver { status, got: Mutex::default() });
        let context = Context { post: receiver.clone(), ..context(client, leading()) };
        let done = crate::notice_task::deliver(&context, &site(), "hook", &notice).await;
        let got = receiver.got.lock().unwrap().clone();
        match expected {
            Ok(()) => {
                assert!(done.is_ok());
                assert_eq!(got, [(url.to_owned(), serde_json::to_value(&notice).unwrap())]);
            }
            Err(says) => {
                let failed = done.unwrap_err().message;
                assert!(failed.starts_with(says) && !failed.contains("token"), "{failed}");
                assert_eq!(got.is_empty(), url.starts_with("http://"));
            }
        }
    }
}
