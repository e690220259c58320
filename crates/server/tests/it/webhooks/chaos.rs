//! Receivers that misbehave: what becomes of what is sent to them is known, and none of them costs the registry its memory.

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::receiver::Receiver;
use super::{create, ended, registry, webhook};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

/// How much the process may grow by receivers that send without an end.
const MOST_GROWTH_KIB: u64 = 64 * 1024;
const UNREACHABLE: &str =
    "the receiver cannot be reached, or the deployment does not allow requests to go there";
const TOO_LATE: &str = "the receiver did not answer within 10 seconds";

/// What a receiver does once it was sent a request, or a part of one.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// It closes the connection.
    Leaves,
    /// It says nothing.
    IsSilent,
    /// It begins to answer, byte by byte, and comes to no end of its headers.
    DripsHeaders,
    /// The same of its answer's body.
    DripsBody,
    /// It sends headers without an end, as fast as it can.
    FloodsHeaders,
    /// The same of its answer's body.
    FloodsBody,
    /// It does not speak HTTP.
    Babbles,
}

impl Manner {
    /// Answers until whoever asked is gone.
    async fn answer(self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = vec![0; 65_536];
        if stream.read(&mut request).await? == 0 {
            return Ok(());
        }
        match self {
            Self::Leaves => stream.set_zero_linger(),
            Self::IsSilent => stream.read_to_end(&mut Vec::new()).await.map(drop),
            Self::DripsHeaders => repeat(stream, b"HTTP/1.1 200 OK\r\nx-drip: ", b"x").await,
            Self::DripsBody => repeat(stream, b"HTTP/1.1 200 OK\r\n\r\n", b"x").await,
            Self::FloodsHeaders => {
                let flood = "x-flood: x\r\n".repeat(1000);
                repeat(stream, b"HTTP/1.1 200 OK\r\n", flood.as_bytes()).await
            }
            Self::FloodsBody => {
                repeat(
                    stream,
                    b"HTTP/1.1 200 OK\r\n\r\n",
                    "x".repeat(65_536).as_bytes(),
                )
                .await
            }
            Self::Babbles => stream.write_all(b"220 mail.example.com ESMTP\r\n").await,
        }
    }

    /// A receiver of this manner; its URL.
    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.answer(stream));
            }
        });
        format!("http://{address}/")
    }
}

/// Sends how an answer begins, and then the same again and again until nobody listens; a single byte with a pause before it.
async fn repeat(mut stream: TcpStream, first: &[u8], again: &[u8]) -> std::io::Result<()> {
    stream.write_all(first).await?;
    loop {
        if again.len() == 1 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        stream.write_all(again).await?;
    }
}

/// The most memory that the registry has needed so far.
fn peak_kib(registry: &TestRegistry) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", registry.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// Sends a trial; answers with the path of its delivery.
async fn trial(registry: &TestRegistry, body: &Value) -> String {
    let path = create(registry, body).await;
    let trial = registry.v1(Method::POST, &format!("{path}/test")).await;
    let trial = trial.assert_status(201).location();
    let trial = trial.strip_prefix("/api/v1").expect("a path");
    trial.to_owned()
}

#[tokio::test]
async fn receivers_that_misbehave_cost_little_and_what_came_of_them_is_known() {
    let registry = registry(Backends::EMBEDDED).await;
    let mut strict = Receiver::start().await;
    let before_kib = peak_kib(&registry);
    let mut trials = Vec::new();
    for (manner, expected) in [
        (Manner::Leaves, Err(UNREACHABLE)),
        (Manner::IsSilent, Err(TOO_LATE)),
        (Manner::DripsHeaders, Err(TOO_LATE)),
        (Manner::DripsBody, Ok(())),
        (Manner::FloodsHeaders, Err(UNREACHABLE)),
        (Manner::FloodsBody, Ok(())),
        (Manner::Babbles, Err(UNREACHABLE)),
    ] {
        let name = format!("{manner:?}");
        let body = webhook(&name, &manner.start().await, &["PUSH_ARTIFACT"]);
        trials.push((name, trial(&registry, &body).await, expected));
    }
    // Nobody in the system's list knows this certificate; and the other has none.
    let mut body = webhook("strict", &strict.origin, &["PUSH_ARTIFACT"]);
    body["skip_cert_verify"] = json!(false);
    let path = trial(&registry, &body).await;
    trials.push(("strict".to_owned(), path, Err(UNREACHABLE)));
    let plain = Manner::Babbles.start().await.replace("http:", "https:");
    let path = trial(&registry, &webhook("plain", &plain, &["PUSH_ARTIFACT"])).await;
    trials.push(("plain".to_owned(), path, Err(UNREACHABLE)));

    for (name, path, expected) in trials {
        let delivery = ended(&registry, &path).await;
        let state = if expected.is_ok() {
            "delivered"
        } else {
            "failed"
        };
        assert_eq!(delivery["state"], state, "{name}: {delivery}");
        assert_eq!(delivery["error"].as_str(), expected.err(), "{name}");
        assert_eq!(delivery["attempts"], 1, "{name}");
        let kept = delivery["response"].as_str().unwrap_or_default();
        assert!(kept.len() <= 4096, "{name}: {}", kept.len());
    }
    let peak_kib = peak_kib(&registry);
    assert!(
        peak_kib < before_kib + MOST_GROWTH_KIB,
        "from {before_kib} KiB to {peak_kib} KiB"
    );
    assert!(strict.is_quiet());
    body["name"] = json!("trusting");
    body["skip_cert_verify"] = json!(true);
    create(&registry, &body).await;
    registry.push_image("library/app", "v1").await;
    assert_eq!(strict.next().await.json()["type"], "PUSH_ARTIFACT");
}
