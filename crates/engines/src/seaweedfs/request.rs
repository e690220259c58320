//! Signed S3 requests, as few as an engine needs: AWS Signature Version 4 over HTTP/1.1.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::{Error, hex};

/// The first object after a start takes seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
const BLOCK_BYTES: usize = 64;

/// The one who asks.
pub(super) struct Signer<'a> {
    pub(super) port: u16,
    pub(super) access_key: &'a str,
    pub(super) secret_key: &'a str,
    pub(super) region: &'a str,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Answer {
    /// For an answer that is not what was hoped for.
    pub(super) fn error(&self, what: &str) -> Error {
        let Self { status, text } = self;
        Error::new(format!("{what}: the S3 store answers {status}: {text}"))
    }
}

impl Signer<'_> {
    /// Sends a request without a query; `path` begins with a slash and needs no escapes.
    pub(super) fn send(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer, Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the store compares the signature's time with its own clock"
        )]
        let now = Timestamp::now().to_zoned(TimeZone::UTC);
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let host = format!("127.0.0.1:{}", self.port);
        let content = hex(&Sha256::digest(body));
        let authorization = self.authorization(method, path, &host, &time, &content);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-content-sha256: {content}\r\nx-amz-date: {time}\r\n\
             authorization: {authorization}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let what = format!("{method} {path} of the S3 store");
        self.exchange(&[head.as_bytes(), body].concat())
            .map_err(Error::of(&what))
            .and_then(|answer| parse(&answer).ok_or_else(|| Error::new(format!("{what}: no HTTP"))))
    }

    fn exchange(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Signature Version 4: a hash of the request, signed with a key made for this day, region and service.
    fn authorization(
        &self,
        method: &str,
        path: &str,
        host: &str,
        time: &str,
        content: &str,
    ) -> String {
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let request = format!(
            "{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{content}\nx-amz-date:{time}\n\n{signed}\n{content}"
        );
        let day = time.split('T').next().unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
            hex(&Sha256::digest(request))
        );
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [day, self.region, "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        let signature = hex(&hmac(&key, text.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            self.access_key
        )
    }
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    Some(Answer {
        status,
        text: body.to_owned(),
    })
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > BLOCK_BYTES {
        Sha256::digest(key).to_vec()
    } else {
        key.to_vec()
    };
    block.resize(BLOCK_BYTES, 0);
    let padded = |pad: u8| block.iter().map(|byte| byte ^ pad).collect::<Vec<_>>();
    let inner = Sha256::new_with_prefix(padded(0x36)).chain_update(message);
    let outer = Sha256::new_with_prefix(padded(0x5c)).chain_update(inner.finalize());
    outer.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_the_standard() {
        // RFC 4231, test cases 2 and 6.
        let short = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex(&short),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(&hmac(&[0xaa; 131], message)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
