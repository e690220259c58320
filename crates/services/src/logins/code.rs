//! The code that the browser brings back, and what the issuer gives for it.

use super::{LoginRefused, Logins, Pending};
use crate::{Error, Result};
use keys::identity_token::client_authorization;
use keys::{IdentityClaims, IdentityExpected, IdentityToken, Purpose, SecretString};
use metadata::OidcSourceRow;
use outbound::http_client::form;
use serde::Deserialize;

const MAX_ANSWER_BYTES: usize = 64 * 1024;

impl Logins {
    /// Exchanges the code for what the issuer says of the person.
    pub(super) async fn identify(
        &self,
        source: &OidcSourceRow,
        pending: &Pending,
        code: &str,
    ) -> Result<IdentityClaims, LoginRefused> {
        #[derive(Deserialize)]
        struct Given {
            id_token: String,
        }

        let endpoints = self.endpoints(source).await?;
        let secret = self.client_secret(source)?;
        let secret = secret.as_ref().map_or("", SecretString::expose);
        let methods = endpoints.token_endpoint_auth_methods_supported;
        // Without a list, it is the header (Discovery 1.0, section 3).
        let takes_header = methods.is_none_or(|all| {
            all.iter().any(|one| one == "client_secret_basic")
                || !all.iter().any(|one| one == "client_secret_post")
        });
        let shows_header = takes_header && !secret.is_empty();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", pending.callback.as_str()),
            ("code_verifier", pending.verifier.as_str()),
        ];
        if !shows_header {
            fields.push(("client_id", source.client_id.as_str()));
        }
        if !shows_header && !secret.is_empty() {
            fields.push(("client_secret", secret));
        }
        let header = shows_header.then(|| {
            let encoded = |text: &str| form(&[("", text)]).split_off(1);
            client_authorization(&encoded(&source.client_id), &encoded(secret))
        });
        let url = endpoints.token_endpoint;
        let url = url.ok_or(LoginRefused::SourceUnavailable)?;
        let client = self.issuers.client();
        let header = header.as_ref().map(SecretString::expose);
        let answer = client.post_form(&url, &fields, header, MAX_ANSWER_BYTES);
        let answer = answer.await.map_err(|error| {
            tracing::warn!(issuer = source.issuer, %error, "an issuer could not be asked");
            LoginRefused::SourceUnavailable
        })?;
        let refused = |why: &dyn std::fmt::Display| {
            tracing::warn!(issuer = source.issuer, status = answer.status, %why, "an issuer's word was not believed");
            LoginRefused::NotBelieved
        };
        if answer.status != 200 {
            return Err(refused(&"it did not take the code"));
        }
        let given: Given = serde_json::from_slice(&answer.body).map_err(|error| refused(&error))?;
        let token = IdentityToken::parse(&given.id_token).map_err(|error| refused(&error))?;
        let expected = IdentityExpected {
            issuer: &source.issuer,
            audience: &source.client_id,
            nonce: Some(&pending.nonce),
        };
        let verified = self.issuers.verify(token, &expected).await;
        verified.map_err(|error| refused(&error))
    }

    fn client_secret(&self, source: &OidcSourceRow) -> Result<Option<SecretString>> {
        let Some(sealed) = &source.sealed_client_secret else {
            return Ok(None);
        };
        let purpose = Purpose::IDENTITY_SOURCE_SECRET;
        let opened = self.key.unseal(purpose, source.id.as_str(), sealed);
        let opened = opened.map_err(|error| {
            tracing::error!(%error, source = source.name, "the secret of an identity source cannot be opened");
            Error::Internal
        })?;
        Ok(opened.into_text())
    }
}
