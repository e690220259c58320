//! How an account proves that a host name is its own: by a record in the DNS, or by a text that the name's web server gives.

use super::{AccountAddress, AddressClaim, Addresses, host};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::Error as MetadataError;
use model::{AccountId, Action, Event};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The longest text that a web server gives, in bytes: what is asked for has 64.
const TEXT_BYTES: usize = 1024;

/// How a name is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofMethod {
    /// By a TXT record.
    Dns,
    /// By a text at a path of its web server.
    Http,
}

impl ProofMethod {
    /// The word in requests and events.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Http => "http",
        }
    }
}

/// Accounts for which something outside is being asked: one question for each at a time.
#[derive(Default)]
pub(super) struct Asking(Mutex<HashSet<AccountId>>);

struct Turn<'a> {
    asking: &'a Asking,
    account: &'a AccountId,
}

impl Asking {
    fn begin<'a>(&'a self, account: &'a AccountId) -> Result<Turn<'a>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.insert(account.clone()) {
            let asking = self;
            return Ok(Turn { asking, account });
        }
        Err(Error::NotNow(
            "a name of this account is being proved at this moment; wait for that answer"
                .to_owned(),
        ))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut all = self.asking.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(self.account);
    }
}

impl Addresses {
    /// Makes a name that the account claims its own, if it is proved now.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that it does not claim; [`Error::NotNow`] when the proof is not there, and while
    /// another name of the account is being proved; [`Error::AlreadyExists`] when it is another account's.
    pub async fn prove(
        &self,
        by: &AccountContext,
        host: &str,
        method: ProofMethod,
    ) -> Result<AccountAddress, Refused> {
        self.authorizer.require(by, Action::AccountUpdate).await?;
        let host = host::read(host)?;
        let _turn = self.asking.begin(by.id())?;
        let now_ms = self.core.now_ms();
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_address_claim(by.id(), &host, now_ms));
        let unknown = || Error::NotFound(format!("a claim of the address {host}"));
        let row = found.await.map_err(Error::from)?.ok_or_else(unknown)?;
        let claim = self.claim_of(&row);
        match method {
            ProofMethod::Dns => self.require_record(&claim).await?,
            ProofMethod::Http => self.require_text(&host, &claim).await?,
        }
        let name = host.clone();
        let proved = self.core.change(by, move |core, tx, account| {
            // What was proved is this claim: it may have been taken back meanwhile.
            let still = tx.find_address_claim(account, &name, core.now_ms())?;
            if still.is_none_or(|still| still.token != row.token) {
                return Err(Error::NotFound(format!("a claim of the address {name}")));
            }
            tx.delete_address_claim(account, &name)?;
            let added = tx.add_account_address(account, &name);
            added.map_err(|error| match error {
                MetadataError::AlreadyExists => Error::NotNow(format!(
                    "{name} is the address of another account of this registry; it becomes yours when it was removed there: \
                     ask the operator of the registry"
                )),
                error => error.into(),
            })?;
            let method = method.word().to_owned();
            let address = name;
            Ok(((), Some(Event::AddressProved { address, method })))
        });
        proved.await?;
        Ok(AccountAddress::own(host))
    }

    /// Which of many things is missing stands in the log alone: the deployment's servers may know names that are nobody's
    /// business.
    async fn require_record(&self, claim: &AddressClaim) -> Result<()> {
        let found = self.resolver.texts(&claim.record).await;
        let is_there = match &found {
            Ok(texts) => texts.iter().any(|text| text.trim() == claim.content),
            Err(error) => {
                tracing::info!(record = claim.record, %error, "a name was not proved by the DNS");
                false
            }
        };
        if is_there {
            return Ok(());
        }
        Err(Error::NotNow(format!(
            "there is no TXT record {} with the text {}; changes in the DNS can take a while: try again later",
            claim.record, claim.content
        )))
    }

    /// A redirect is no proof: whoever can make one need not be whoever has the name.
    async fn require_text(&self, host: &str, claim: &AddressClaim) -> Result<()> {
        let port = self.core.settings.http_proof_port;
        let asked = self.client.get_plain((host, port), &claim.path, TEXT_BYTES);
        let is_there = match asked.await {
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer.body);
                tracing::info!(
                    host,
                    status = answer.status,
                    "a name was asked for its proof"
                );
                answer.status == 200 && text.trim() == claim.content
            }
            Err(error) => {
                tracing::info!(host, %error, "a name was not proved by HTTP");
                false
            }
        };
        if is_there {
            return Ok(());
        }
        Err(Error::NotNow(format!(
            "{} does not answer with 200 and the text {} and nothing else, or the deployment does not allow requests to go \
             there; redirects are not followed",
            claim.url, claim.content
        )))
    }
}
