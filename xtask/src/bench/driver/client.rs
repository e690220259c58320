//! The registry protocol for set-up: follows the Bearer challenge, keeps tokens, pushes whole images.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;

use super::connection::Response;
use super::{Connection, Keep, Payload, Request, Target};
use crate::bench::content::{Blob, MANIFEST, Manifest};

/// Name and password of an account.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub user: String,
    pub password: String,
}

/// One connection with its tokens; blocking, for use outside the measured time.
pub(crate) struct Client {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
    credentials: Option<Credentials>,
    tokens: HashMap<String, String>,
}

/// A Bearer challenge.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    path: String,
    service: String,
    scope: String,
}

impl Client {
    pub(crate) fn open(target: &Target, credentials: Option<&Credentials>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let connection = runtime.block_on(Connection::open(target))?;
        Ok(Self {
            runtime,
            connection,
            credentials: credentials.cloned(),
            tokens: HashMap::new(),
        })
    }

    /// The `Authorization` line with a token for these scopes, from the service that `/v2/`'s challenge names; `None` for a
    /// server without accounts.
    pub(crate) fn authorization_for(&mut self, scopes: &[String]) -> Result<Option<String>> {
        if self.credentials.is_none() {
            return Ok(None);
        }
        let response = self.send("GET", "/v2/", &[], Payload::Nothing)?;
        self.token(&Challenge::of(&response)?, scopes).map(Some)
    }

    /// Path and headers of a token request for one scope.
    pub(crate) fn token_request(&mut self, scope: &str) -> Result<(String, Vec<String>)> {
        let challenge = Challenge::of(&self.send("GET", "/v2/", &[], Payload::Nothing)?)?;
        Ok((
            challenge.token_path(&[scope.to_owned()]),
            self.basic().into_iter().collect(),
        ))
    }

    /// Pushes a blob in one PATCH and a closing PUT, as most clients do.
    pub(crate) fn push_blob(&mut self, repository: &str, blob: &Blob) -> Result<()> {
        let scope = [push_scope(repository)];
        let location = self.open_upload(&format!("/v2/{repository}/blobs/uploads/"), &scope)?;
        let patched =
            self.authorized("PATCH", &location, &scope, &[octets()], Payload::Blob(blob))?;
        ensure!(
            patched.status == 202,
            "PATCH {location} answered {}",
            patched.status
        );
        let location = located(&patched)?;
        let closing = with_digest(&location, &blob.digest);
        let put = self.authorized("PUT", &closing, &scope, &[octets()], Payload::Nothing)?;
        ensure!(
            put.status == 201,
            "PUT {closing} answered {}: {}",
            put.status,
            text(&put)
        );
        Ok(())
    }

    /// Mounts a blob that another repository has; pushes it when the server won't.
    pub(crate) fn mount_blob(&mut self, repository: &str, blob: &Blob, from: &str) -> Result<()> {
        let scopes = [push_scope(repository), format!("repository:{from}:pull")];
        let path = format!(
            "/v2/{repository}/blobs/uploads/?mount={}&from={from}",
            blob.digest
        );
        let response = self.authorized("POST", &path, &scopes, &[], Payload::Nothing)?;
        if response.status == 201 {
            return Ok(());
        }
        self.push_blob(repository, blob)
    }

    pub(crate) fn push_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<()> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let content_type = [format!("Content-Type: {MANIFEST}")];
        let payload = Payload::Bytes(&manifest.bytes);
        let response = self.authorized(
            "PUT",
            &path,
            &[push_scope(repository)],
            &content_type,
            payload,
        )?;
        ensure!(
            response.status == 201,
            "PUT {path} answered {}: {}",
            response.status,
            text(&response)
        );
        Ok(())
    }

    fn open_upload(&mut self, path: &str, scopes: &[String]) -> Result<String> {
        let opened = self.authorized("POST", path, scopes, &[], Payload::Nothing)?;
        ensure!(
            opened.status == 202,
            "POST {path} answered {}: {}",
            opened.status,
            text(&opened)
        );
        located(&opened)
    }

    /// Sends with the token for these scopes, and once more with a new one when it has run out.
    fn authorized(
        &mut self,
        method: &str,
        path: &str,
        scopes: &[String],
        headers: &[String],
        payload: Payload<'_>,
    ) -> Result<Response> {
        if self.credentials.is_none() {
            return self.send(method, path, headers, payload);
        }
        let key = scopes.join(" ");
        for _ in 0..2 {
            if !self.tokens.contains_key(&key) {
                let token = self.authorization_for(scopes)?.unwrap_or_default();
                self.tokens.insert(key.clone(), token);
            }
            let mut all = headers.to_vec();
            all.extend(
                self.tokens
                    .get(&key)
                    .filter(|line| !line.is_empty())
                    .cloned(),
            );
            let response = self.send(method, path, &all, payload)?;
            if response.status != 401 {
                return Ok(response);
            }
            self.tokens.remove(&key);
        }
        bail!("{method} {path} is refused with a new token for {key}");
    }

    fn token(&mut self, challenge: &Challenge, scopes: &[String]) -> Result<String> {
        let path = challenge.token_path(scopes);
        let basic: Vec<String> = self.basic().into_iter().collect();
        let response = self.send("GET", &path, &basic, Payload::Nothing)?;
        ensure!(
            response.status == 200,
            "GET {path} answered {}: {}",
            response.status,
            text(&response)
        );
        let answer: serde_json::Value = serde_json::from_slice(&response.body)?;
        let token = answer.get("token").or_else(|| answer.get("access_token"));
        let token = token
            .and_then(|token| token.as_str())
            .context("a token answer without a token")?;
        Ok(format!("Authorization: Bearer {token}"))
    }

    fn basic(&self) -> Option<String> {
        let Credentials { user, password } = self.credentials.as_ref()?;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Some(format!("Authorization: Basic {pair}"))
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[String],
        payload: Payload<'_>,
    ) -> Result<Response> {
        let request = Request::new(method, path, headers, payload);
        let exchanged =
            self.runtime
                .block_on(self.connection.exchange(&request, payload, Keep::Body));
        exchanged.with_context(|| format!("{method} {path}"))
    }
}

impl Challenge {
    fn of(response: &Response) -> Result<Self> {
        let challenge = response
            .challenge
            .as_deref()
            .context("no WWW-Authenticate in the answer")?;
        Self::parse(challenge).with_context(|| format!("not a Bearer challenge: {challenge}"))
    }

    fn parse(challenge: &str) -> Option<Self> {
        let parameters = challenge.strip_prefix("Bearer ")?;
        let parameter = |name: &str| {
            let (_, rest) = parameters.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        Some(Self {
            path: path_of(&parameter("realm")?),
            service: parameter("service").unwrap_or_default(),
            scope: parameter("scope").unwrap_or_default(),
        })
    }

    fn token_path(&self, scopes: &[String]) -> String {
        let mut path = format!("{}?service={}", self.path, self.service);
        for scope in scopes.iter().filter(|scope| !scope.is_empty()) {
            path.push_str("&scope=");
            path.push_str(scope);
        }
        path
    }
}

/// The scope that pushing to a repository takes.
pub(crate) fn push_scope(repository: &str) -> String {
    format!("repository:{repository}:pull,push")
}

/// The header line that asks for image manifests; without it, some registries answer 404 for them.
pub(crate) fn accept() -> String {
    format!("Accept: {MANIFEST}")
}

/// The header line of an upload's bytes.
pub(crate) fn octets() -> String {
    "Content-Type: application/octet-stream".to_owned()
}

/// The upload's location with `digest=` added to whatever query it has.
pub(crate) fn with_digest(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

/// Path and query of an absolute or relative address.
pub(crate) fn path_of(address: &str) -> String {
    let Some((_, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    rest.find('/')
        .map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}

fn located(response: &Response) -> Result<String> {
    Ok(path_of(
        response
            .location
            .as_deref()
            .context("an upload answer without Location")?,
    ))
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_becomes_a_token_request_at_its_realm() {
        let challenge = r#"Bearer realm="http://localhost:5000/service/token",service="localhost:5000",scope="repository:library/x:pull,push""#;
        let parsed = Challenge::parse(challenge).expect("a Bearer challenge");
        assert_eq!(
            parsed.token_path(std::slice::from_ref(&parsed.scope)),
            "/service/token?service=localhost:5000&scope=repository:library/x:pull,push"
        );
        assert_eq!(Challenge::parse("Basic realm=\"x\""), None);
    }

    #[test]
    fn a_digest_is_added_to_the_query_that_is_there() {
        assert_eq!(with_digest("/u/1", "d"), "/u/1?digest=d");
        assert_eq!(
            with_digest(&path_of("http://h:1/u/1?_state=a"), "d"),
            "/u/1?_state=a&digest=d"
        );
    }
}
