//! Addresses for mail: written down by whoever administers the account, confirmed and ended by whoever reads the mail.
//!
//! Nothing but a code goes to an address that was not confirmed, and few of those: the registry sends nobody mail that others
//! want sent. A code is 128 random bits, kept as a keyed hash only, good for a day and once.

use super::{MAIL_CONFIRMATION, Mail, fit_follower, letters, place, take};
use crate::access::{CallerContext, Refused};
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::job_queue::JobRequest;
use crate::{Error, Result};
use keys::deployment_key::Purpose;
use metadata::{Error as MetadataError, MailAddressRow, MailAddressState, Tx};
use model::{AccountId, Action, Event, JobKind};
use outbound::{MailAddress, MailFailed};

/// Addresses of one account.
const MAX_OF_ACCOUNT: usize = 10;
/// Codes that an account may ask for in a day; for one address; and that are sent to one mailbox, whoever asks.
const CODES_OF_ACCOUNT: i64 = 20;
const CODES_TO_ADDRESS: i64 = 3;
const CODES_TO_MAILBOX: i64 = 9;
const DAY_MS: i64 = 24 * 3_600_000;
/// The longest text that is looked at as a code, in bytes.
const MAX_CODE_BYTES: usize = 128;
/// Rows that one look forgets.
const FORGOTTEN: i64 = 200;

impl Mail {
    /// Writes an address down, and sends it a code.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AlreadyExists`]; [`Error::NotNow`] beyond ten in an account, when too many codes were
    /// asked for within a day, and where the deployment sends no mail.
    pub async fn add(&self, by: &AccountContext, address: &str) -> Result<MailAddressRow, Refused> {
        self.require_change(by).await?;
        self.settings()?;
        let address: MailAddress = address.parse().map_err(Error::Invalid)?;
        let row = MailAddressRow {
            id: self.core.ids.next_id(),
            account_id: by.id().clone(),
            address: address.as_str().to_owned(),
            state: MailAddressState::Unconfirmed,
            code_until_ms: None,
            error: None,
            told_number: 0,
            creator: by.authenticated().caller.display_name().to_owned(),
            created_at_ms: self.core.now_ms(),
            confirmed_at_ms: None,
            retry_at_ms: None,
        };
        let (new, hash) = (row.clone(), self.address_hash(&row.address));
        let added = self.core.change(by, move |core, tx, account| {
            // Whoever counts codes to an address of whatever account does it alone.
            take(core, tx, account)?;
            if tx.list_mail_addresses(account)?.len() >= MAX_OF_ACCOUNT {
                let text = format!("an account has at most {MAX_OF_ACCOUNT} addresses for mail");
                return Err(Error::NotNow(text));
            }
            let created = tx.create_mail_address(&new, &new.address.to_ascii_lowercase());
            created.map_err(|error| match error {
                MetadataError::AlreadyExists => Error::AlreadyExists("the address".to_owned()),
                error => error.into(),
            })?;
            ask(core, tx, (account, &new.id), &hash)?;
            let mail_address = new.id;
            Ok(((), Some(Event::MailAddressAdded { mail_address })))
        });
        added.await?;
        Ok(row)
    }

    /// Sends another code to an address that is not confirmed, or is refused by the mail server.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one of another account; [`Error::NotNow`] for one that is confirmed, and as for
    /// [`Mail::add`].
    pub async fn ask_again(
        &self,
        by: &AccountContext,
        id: &str,
    ) -> Result<MailAddressRow, Refused> {
        self.require_change(by).await?;
        self.settings()?;
        let row = self.find(by, id).await?;
        if row.state == MailAddressState::Confirmed {
            return Err(Error::NotNow("the address is confirmed".to_owned()).into());
        }
        let (id, hash) = (row.id.clone(), self.address_hash(&row.address));
        let asked = self.core.change(by, move |core, tx, account| {
            take(core, tx, account)?;
            ask(core, tx, (account, &id), &hash)?;
            let mail_address = id;
            Ok(((), Some(Event::MailAddressAsked { mail_address })))
        });
        asked.await?;
        Ok(row)
    }

    /// Takes an address away.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one of another account.
    pub async fn remove(&self, by: &AccountContext, id: &str) -> Result<(), Refused> {
        self.authorizer.require(by, Action::MailUpdate).await?;
        let row = self.find(by, id).await?;
        let removed = self.core.change(by, move |core, tx, account| {
            if !remove(core, tx, (account, &row.id))? {
                return Err(unknown());
            }
            let event = Event::MailAddressRemoved {
                mail_address: row.id,
                by_recipient: false,
            };
            Ok(((), Some(event)))
        });
        Ok(removed.await?)
    }

    /// Whoever has the code that was sent to an address agrees: it is told of what happens from then on.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a code that is none, was used, replaced or is too old.
    pub async fn confirm(&self, by: &CallerContext, code: &str) -> Result<()> {
        let hash = self.key.keyed_hash(Purpose::MAIL_CODE, short(code)?);
        let wanted = hash.clone();
        let found = self
            .core
            .metadata
            .read(move |reader| Ok::<_, Error>(reader.find_mail_address_by_code(&wanted)?));
        let Some(row) = found.await?.filter(|row| self.is_good(row)) else {
            return Err(no_code());
        };
        self.outbox.settle().await?;
        let (core, by) = (self.core.clone(), by.clone());
        let confirmed = self.core.metadata.write(move |tx| {
            take(&core, tx, &row.account_id)?;
            let account = tx.find_account(&row.account_id)?;
            if !account.is_some_and(|account| account.state.allows_push()) {
                return Err(Error::AccountSuspended);
            }
            let chain = tx.find_event_chain(Some(&row.account_id))?;
            let told = chain.map_or(0, |chain| chain.sealed_number);
            if !tx.confirm_mail_address((&row.id, &hash), told, core.now_ms())? {
                return Err(no_code());
            }
            fit_follower(&core, tx, &row.account_id)?;
            let event = Event::MailAddressConfirmed {
                mail_address: row.id.clone(),
            };
            let who = (&by.authenticated.caller, &by.origin);
            core.record_for(tx, &event, &row.account_id, who)
        });
        confirmed.await
    }

    /// Whoever has the code that stands in each mail to an address ends it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a code that is none; also when that was done before.
    pub async fn stop(&self, by: &CallerContext, code: &str) -> Result<()> {
        short(code)?;
        let (id, mark) = code.split_once('.').ok_or_else(no_code)?;
        if !keys::constant_time_eq(mark.as_bytes(), self.stop_mark(id).as_bytes()) {
            return Err(no_code());
        }
        let wanted = id.to_owned();
        let found = self
            .core
            .metadata
            .read(move |reader| Ok::<_, Error>(reader.find_mail_address(&wanted)?));
        let row = found.await?.ok_or_else(no_code)?;
        let (core, by) = (self.core.clone(), by.clone());
        let stopped = self.core.metadata.write(move |tx| {
            if !remove(&core, tx, (&row.account_id, &row.id))? {
                return Err(no_code());
            }
            let event = Event::MailAddressRemoved {
                mail_address: row.id.clone(),
                by_recipient: true,
            };
            let who = (&by.authenticated.caller, &by.origin);
            core.record_for(tx, &event, &row.account_id, who)
        });
        stopped.await
    }

    /// Forgets codes that were asked for longer than a day ago. Says how many; call again while any are.
    pub async fn forget_codes(&self) -> Result<usize> {
        let before_ms = self.core.now_ms() - DAY_MS;
        let forgotten = self.core.metadata.write_relaxed(move |tx| {
            Ok::<_, Error>(tx.forget_mail_confirmations(before_ms, FORGOTTEN)?)
        });
        forgotten.await
    }

    /// Sends an address the code that was asked for. It stands nowhere else; however often it has to be sent, it is the same
    /// one in the same mail.
    pub(super) async fn send_code(&self, id: &str, ask: &str) -> Result<()> {
        let wanted = id.to_owned();
        let found = self.core.metadata.read(move |reader| {
            let Some(row) = reader.find_mail_address(&wanted)? else {
                return Ok(None);
            };
            let account = reader.find_account(&row.account_id)?;
            Ok::<_, Error>(account.map(|account| (row, account)))
        });
        let Some((row, account)) = found.await? else {
            return Ok(());
        };
        if row.state == MailAddressState::Confirmed || !account.state.allows_push() {
            return Ok(());
        }
        let settings = self.settings()?;
        let to: MailAddress = row.address.parse().map_err(Error::Invalid)?;
        let code = self.code(&row.id, ask);
        let hash = self.key.keyed_hash(Purpose::MAIL_CODE, code.as_bytes());
        let (until_ms, id) = (self.core.now_ms() + DAY_MS, row.id.clone());
        let kept = self
            .core
            .metadata
            .write(move |tx| Ok::<_, Error>(tx.put_mail_code(&id, &hash, until_ms)?));
        kept.await?;
        let letter = letters::confirmation(&place(settings, &account.name), &code);
        let message_id = format!("confirm.{ask}");
        let sent = settings.mailer.send(outbound::Mail {
            to: &to,
            subject: &letter.subject,
            text: &letter.text,
            id: &message_id,
            at_ms: self.core.now_ms(),
        });
        let sent = sent.await;
        self.note(MAIL_CONFIRMATION, &row.id, &sent);
        let error = sent.as_ref().err().map(said);
        let kept = self
            .core
            .metadata
            .write(move |tx| Ok::<_, Error>(tx.put_mail_error(&row.id, error.as_deref())?));
        kept.await?;
        match sent {
            // What is refused for good is not tried again.
            Ok(()) | Err(MailFailed::Refused(_) | MailFailed::Text(_)) => Ok(()),
            Err(error) => Err(Error::NotNow(said(&error))),
        }
    }

    /// An address of the caller's account.
    async fn find(&self, by: &AccountContext, id: &str) -> Result<MailAddressRow> {
        let wanted = id.to_owned();
        let found = self
            .core
            .metadata
            .read(move |reader| Ok::<_, Error>(reader.find_mail_address(&wanted)?));
        let row = found.await?.filter(|row| row.account_id == *by.id());
        row.ok_or_else(unknown)
    }

    fn is_good(&self, row: &MailAddressRow) -> bool {
        row.code_until_ms
            .is_some_and(|until_ms| until_ms > self.core.now_ms())
    }

    /// 128 bits that only this deployment can make of an address and a request, in 32 hexadecimal digits.
    fn code(&self, id: &str, ask: &str) -> String {
        let of = format!("{id}.{ask}");
        let mut code = self.key.keyed_hash(Purpose::MAIL_CODE_TEXT, of.as_bytes());
        code.truncate(32);
        code
    }

    /// What ends mail to an address: its id, a dot, and 128 bits that only this deployment can make of it.
    pub(super) fn stop_code(&self, id: &str) -> String {
        format!("{id}.{}", self.stop_mark(id))
    }

    fn stop_mark(&self, id: &str) -> String {
        let mut mark = self.key.keyed_hash(Purpose::MAIL_STOP, id.as_bytes());
        mark.truncate(32);
        mark
    }

    /// By what codes to a mailbox are counted, of whatever account: many providers leave out what follows a plus sign.
    fn address_hash(&self, address: &str) -> String {
        let mut folded = address.to_ascii_lowercase();
        if let (Some(plus), Some(at)) = (folded.find('+'), folded.rfind('@'))
            && plus > 0
            && plus < at
        {
            folded.replace_range(plus..at, "");
        }
        self.key
            .keyed_hash(Purpose::MAIL_ADDRESS, folded.as_bytes())
    }
}

/// Asks for a code for an address of an account; nobody else does meanwhile.
fn ask(
    core: &Core,
    tx: &mut Tx<'_>,
    (account, id): (&AccountId, &str),
    address_hash: &str,
) -> Result<()> {
    let now_ms = core.now_ms();
    let since_ms = now_ms - DAY_MS;
    let (by, own, all) = tx.count_mail_confirmations(account, address_hash, since_ms)?;
    if by >= CODES_OF_ACCOUNT || own >= CODES_TO_ADDRESS || all >= CODES_TO_MAILBOX {
        let text = "too many codes were asked for within a day; try again tomorrow";
        return Err(Error::NotNow(text.to_owned()));
    }
    let ask = core.ids.next_id();
    tx.note_mail_confirmation((&ask, account), address_hash, now_ms)?;
    let job = JobRequest {
        kind: JobKind::SEND_MAIL,
        account: Some(account.clone()),
        payload: serde_json::json!({ "address": id, "ask": ask }).to_string(),
        dedup_key: Some(format!("mail:{id}")),
        run_at_ms: None,
    };
    core.enqueue(tx, &job)?;
    Ok(())
}

fn remove(core: &Core, tx: &mut Tx<'_>, (account, id): (&AccountId, &str)) -> Result<bool> {
    take(core, tx, account)?;
    if !tx.delete_mail_address(id)? {
        return Ok(false);
    }
    fit_follower(core, tx, account)?;
    Ok(true)
}

/// The bytes of what may be a code.
fn short(code: &str) -> Result<&[u8]> {
    if (1..=MAX_CODE_BYTES).contains(&code.len()) {
        Ok(code.as_bytes())
    } else {
        Err(no_code())
    }
}

/// What people may know of why a mail was not taken: of the mail server they see what it says about their address.
pub(super) fn said(error: &MailFailed) -> String {
    match error {
        MailFailed::Refused(_) | MailFailed::Later(_) | MailFailed::Text(_) => error.to_string(),
        MailFailed::TimedOut => "the mail server did not answer in time".to_owned(),
        MailFailed::Failed(_) | MailFailed::Busy => {
            "the mail server takes nothing at present".to_owned()
        }
    }
}

fn unknown() -> Error {
    Error::NotFound("the address".to_owned())
}

fn no_code() -> Error {
    Error::NotFound("a code like this (each is good once, and for a day)".to_owned())
}
