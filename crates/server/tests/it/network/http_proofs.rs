//! Host names that are proved by what their web servers say, and those that the registry does not ask.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::Acme;
use super::dns::Dns;
use super::names::{HOST, OWN, asking, claim, content, prove};

/// A web server that answers each request with the same bytes, and remembers the requests' heads.
struct Site {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let site = Self {
            address: listener.local_addr().expect("it is bound"),
            answer: Arc::default(),
            heads: Arc::default(),
        };
        let (answer, heads) = (site.answer.clone(), site.heads.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                heads.lock().expect("it is free").push(head);
                let answer = answer.lock().expect("it is free").replace("{path}", &path);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        site
    }

    /// From now on it answers so.
    fn says(&self, status: &str, headers: &str, body: &str) {
        let text = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n{body}");
        *self.answer.lock().expect("it is free") = text;
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("it is free").clone()
    }
}

#[tokio::test]
async fn a_name_is_proved_by_what_its_web_server_says_and_by_no_other() {
    let (dns, site, elsewhere) = (Dns::start().await, Site::start().await, Site::start().await);
    let setup = asking(&dns)
        .setting("OUTBOUND__HTTP_PROOF_PORT", site.address.port())
        .setting("OUTBOUND__ALLOW", format!("[\"{HOST}\", \"other.test\"]"));
    let acme = Acme::start_on(setup).await;
    let admin = &acme.admin;
    dns.set_addresses(HOST, &["127.0.0.1"]);
    dns.set_addresses("other.test", &["127.0.0.1"]);
    let claimed = claim(admin, OWN, HOST).await.assert_status(201);
    let content = content(&claimed);
    let url = claimed.json()["challenge"]["http_url"].clone();
    let url = url.as_str().expect("a URL");
    elsewhere.says("200 OK", "", &content);
    let location = format!(
        "location: http://other.test:{}/\r\n",
        elsewhere.address.port()
    );
    let long = format!("{content}{}", " ".repeat(2000));
    for (status, headers, body) in [
        ("404 Not Found", "", content.as_str()),
        ("200 OK", "", ""),
        ("200 OK", "", "{path}"),
        ("200 OK", "", "<html>no such page: {path}</html>"),
        ("200 OK", "", &content[1..]),
        ("200 OK", "", &long),
        ("302 Found", location.as_str(), content.as_str()),
        ("301 Moved Permanently", location.as_str(), ""),
        ("206 Partial Content", "", content.as_str()),
    ] {
        site.says(status, headers, body);
        let refused = prove(admin, OWN, HOST, "http").await;
        let refused = refused.assert_error(412, "NOT_NOW");
        // What there was instead is nobody's business.
        let expected =
            format!("{url} does not answer with 200 and the text {content} and nothing else");
        assert!(
            refused.error_message().starts_with(&expected),
            "{refused:?}"
        );
    }
    assert_eq!(elsewhere.heads(), [""; 0], "redirects are not followed");
    site.says("200 OK", "", &format!("{content}\n"));
    prove(admin, OWN, HOST, "http").await.assert_status(200);
    let (_, path) = url.split_once("/.well-known").expect("a path");
    let path = format!("/.well-known{path}");
    let heads = site.heads();
    assert_eq!(heads.len(), 10);
    for head in heads {
        assert!(
            head.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(
            !head.to_ascii_lowercase().contains("authorization"),
            "{head}"
        );
    }
}

/// T60: the registry asks nothing of its own network for an account.
#[tokio::test]
async fn a_name_that_stands_for_the_registrys_network_is_not_asked() {
    let (dns, site) = (Dns::start().await, Site::start().await);
    let setup = asking(&dns)
        .setting("OUTBOUND__HTTP_PROOF_PORT", site.address.port())
        .setting("OUTBOUND__ALLOW", "[\"listed.test\"]");
    let acme = Acme::start_on(setup).await;
    let admin = &acme.admin;
    let claimed = claim(admin, OWN, HOST).await.assert_status(201);
    site.says("200 OK", "", &content(&claimed));
    for addresses in [
        &["127.0.0.1"][..],
        &["127.0.0.1", "192.88.99.1"],
        &["0.0.0.0"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["1.1.1.1", "127.0.0.1"],
        &[],
    ] {
        dns.set_addresses(HOST, addresses);
        let refused = prove(admin, OWN, HOST, "http").await;
        let refused = refused.assert_error(412, "NOT_NOW");
        // The same for all of them: which it was stands in the log.
        assert!(
            refused
                .error_message()
                .contains("or the deployment does not allow")
        );
    }
    assert_eq!(site.heads(), [""; 0]);
    let line = acme.registry.log_line_with("was not proved by HTTP");
    assert!(line.contains("are not allowed"), "{line}");
    // Names of the registry's network that others listed are not for proofs of everybody's: the name itself has to be.
    let localhost = claim(admin, OWN, "localhost.localdomain").await;
    localhost.assert_status(201);
    dns.set_addresses("localhost.localdomain", &["127.0.0.1"]);
    let refused = prove(admin, OWN, "localhost.localdomain", "http").await;
    refused.assert_error(412, "NOT_NOW");
    assert_eq!(site.heads(), [""; 0]);
}
