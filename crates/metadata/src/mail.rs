//! Who is told by mail of what happens in accounts.

use crate::connection::{Row, params, parse_column};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::AccountId;

/// What an account has told by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPolicyRow {
    /// Whose it is.
    pub account_id: AccountId,
    /// The kinds of events.
    pub event_types: Vec<String>,
    /// Until when the room for mails is taken.
    pub busy_until_ms: i64,
    /// Mails that the mail server took.
    pub sent_mails: i64,
    /// When it last took one.
    pub sent_at_ms: Option<i64>,
}

/// How far an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailAddressState {
    /// Nobody there has agreed yet.
    Unconfirmed,
    /// It is told.
    Confirmed,
    /// The mail server takes nothing for it.
    Refused,
}

impl MailAddressState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Unconfirmed, Self::Confirmed, Self::Refused]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// An address of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddressRow {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// The address, as it was written.
    pub address: String,
    /// How far it is.
    pub state: MailAddressState,
    /// Until when the code is good that was sent there last.
    pub code_until_ms: Option<i64>,
    /// Why the mail server does not take what is for it; no secrets.
    pub error: Option<String>,
    /// The number of the newest event that it was told of, or need not be.
    pub told_number: i64,
    /// Who wrote it down.
    pub creator: String,
    /// When that was.
    pub created_at_ms: i64,
    /// When it was confirmed.
    pub confirmed_at_ms: Option<i64>,
    /// When mail for it is tried again, as long as the mail server takes none for it.
    pub retry_at_ms: Option<i64>,
}

macro_rules! columns {
    () => {
        "id, account_id, address, state, code_until_ms, error, told_number, creator, created_at_ms, confirmed_at_ms, retry_at_ms"
    };
}

fn read_address(row: &Row<'_>) -> Result<MailAddressRow> {
    Ok(MailAddressRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        address: row.text(2)?,
        state: parse_column(
            "mail_addresses.state",
            MailAddressState::parse(&row.text(3)?),
        )?,
        code_until_ms: row.optional_int(4)?,
        error: row.optional_text(5)?,
        told_number: row.int(6)?,
        creator: row.text(7)?,
        created_at_ms: row.int(8)?,
        confirmed_at_ms: row.optional_int(9)?,
        retry_at_ms: row.optional_int(10)?,
    })
}

impl Reader<'_> {
    /// What an account has told by mail; `None` when it never decided.
    pub fn find_mail_policy(&self, account: &AccountId) -> Result<Option<MailPolicyRow>> {
        const SQL: &str = "SELECT event_types, busy_until_ms, sent_mails, sent_at_ms FROM mail_policies WHERE account_id = ?1";
        self.connection.find(SQL, params![account.as_str()], |row| {
            Ok(MailPolicyRow {
                account_id: account.clone(),
                event_types: row
                    .text(0)?
                    .split_ascii_whitespace()
                    .map(str::to_owned)
                    .collect(),
                busy_until_ms: row.int(1)?,
                sent_mails: row.int(2)?,
                sent_at_ms: row.optional_int(3)?,
            })
        })
    }

    /// The addresses of an account, by name. There are never many.
    pub fn list_mail_addresses(&self, account: &AccountId) -> Result<Vec<MailAddressRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM mail_addresses WHERE account_id = ?1 ORDER BY folded"
        );
        self.connection
            .list(SQL, params![account.as_str()], read_address)
    }

    /// An address, whoever's it is.
    pub fn find_mail_address(&self, id: &str) -> Result<Option<MailAddressRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM mail_addresses WHERE id = ?1");
        self.connection.find(SQL, params![id], read_address)
    }

    /// The address to which a code was sent.
    pub fn find_mail_address_by_code(&self, code_hash: &str) -> Result<Option<MailAddressRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM mail_addresses WHERE code_hash = ?1"
        );
        self.connection.find(SQL, params![code_hash], read_address)
    }

    /// Codes that were asked for since: by an account, by it for an address, and for that address by whatever account.
    pub fn count_mail_confirmations(
        &self,
        account: &AccountId,
        address_hash: &str,
        since_ms: i64,
    ) -> Result<(i64, i64, i64)> {
        const BY: &str =
            "SELECT COUNT(*) FROM mail_confirmations WHERE account_id = ?1 AND asked_at_ms > ?2";
        const FOR: &str = "SELECT COUNT(CASE WHEN account_id = ?3 THEN 1 END), COUNT(*) FROM mail_confirmations \
             WHERE address_hash = ?1 AND asked_at_ms > ?2";
        let by = params![account.as_str(), since_ms];
        let by = self.connection.get(BY, by, |row| row.int(0))?;
        let to = params![address_hash, since_ms, account.as_str()];
        let (own, all) = self
            .connection
            .get(FOR, to, |row| Ok((row.int(0)?, row.int(1)?)))?;
        Ok((by, own, all))
    }
}

impl Tx<'_> {
    /// What an account has told by mail, and nobody else changes it or its addresses until the end of the transaction.
    pub fn take_mail_policy(&mut self, account: &AccountId, now_ms: i64) -> Result<MailPolicyRow> {
        const MAKE: &str = "INSERT INTO mail_policies (account_id, event_types, busy_until_ms, sent_mails, sent_at_ms, \
             updated_at_ms) VALUES (?1, '', 0, 0, NULL, ?2) ON CONFLICT (account_id) DO NOTHING";
        const TAKE: &str = "SELECT 1 FROM mail_policies WHERE account_id = ?1 FOR UPDATE";
        self.connection
            .execute(MAKE, params![account.as_str(), now_ms])?;
        self.connection.keep(TAKE, params![account.as_str()])?;
        self.find_mail_policy(account)?.ok_or(Error::Unreadable {
            column: "mail_policies.account_id",
        })
    }

    /// Decides what an account has told by mail.
    pub fn put_mail_policy(
        &mut self,
        account: &AccountId,
        event_types: &[&str],
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE mail_policies SET event_types = ?2, updated_at_ms = ?3 WHERE account_id = ?1";
        let event_types = event_types.join(" ");
        let params = params![account.as_str(), &event_types, now_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Takes room for a mail: it is taken until `busy_until_ms` from now on.
    pub fn take_mail_room(&mut self, account: &AccountId, busy_until_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE mail_policies SET busy_until_ms = ?2 WHERE account_id = ?1";
        self.connection
            .execute(SQL, params![account.as_str(), busy_until_ms])?;
        Ok(())
    }

    /// Writes an address down to which `folded` is common with none of the account. The number of the event that it need
    /// not be told of is 0.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`].
    pub fn create_mail_address(&mut self, address: &MailAddressRow, folded: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO mail_addresses (id, account_id, address, folded, state, code_hash, code_until_ms, error, \
             told_number, creator, created_at_ms, confirmed_at_ms) \
             VALUES (?1, ?2, ?3, ?4, 'unconfirmed', NULL, NULL, NULL, 0, ?5, ?6, NULL) \
             ON CONFLICT (account_id, folded) DO NOTHING";
        let params = params![
            &address.id,
            address.account_id.as_str(),
            &address.address,
            folded,
            &address.creator,
            address.created_at_ms
        ];
        if self.connection.execute(SQL, params)? == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// A code was asked for.
    pub fn note_mail_confirmation(
        &mut self,
        (id, account): (&str, &AccountId),
        address_hash: &str,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO mail_confirmations (id, account_id, address_hash, asked_at_ms) VALUES (?1, ?2, ?3, ?4)";
        let params = params![id, account.as_str(), address_hash, now_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Forgets some of those that were asked for before. Says how many.
    pub fn forget_mail_confirmations(&mut self, before_ms: i64, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM mail_confirmations WHERE id IN \
             (SELECT c.id FROM mail_confirmations c WHERE c.asked_at_ms < ?1 LIMIT ?2)";
        self.connection.execute(SQL, params![before_ms, limit])
    }

    /// The code that is sent to an address from now on; the one before is good no more.
    pub fn put_mail_code(&mut self, id: &str, code_hash: &str, until_ms: i64) -> Result<()> {
        const SQL: &str =
            "UPDATE mail_addresses SET code_hash = ?2, code_until_ms = ?3 WHERE id = ?1";
        self.connection
            .execute(SQL, params![id, code_hash, until_ms])?;
        Ok(())
    }

    /// Whether the mail server takes what is for an address, and why not.
    pub fn put_mail_error(&mut self, id: &str, error: Option<&str>) -> Result<()> {
        const SQL: &str = "UPDATE mail_addresses SET error = ?2 WHERE id = ?1";
        self.connection.execute(SQL, params![id, error])?;
        Ok(())
    }

    /// The address to which a code was sent is confirmed, and told of what comes after `told_number`, if that was the code.
    /// Says whether it was: a code is good once.
    pub fn confirm_mail_address(
        &mut self,
        (id, code_hash): (&str, &str),
        told_number: i64,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE mail_addresses SET state = 'confirmed', code_hash = NULL, code_until_ms = NULL, error = NULL, \
             failing_since_ms = NULL, retry_at_ms = NULL, told_number = ?3, confirmed_at_ms = ?4 WHERE id = ?1 AND code_hash = ?2";
        let params = params![id, code_hash, told_number, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// The mail server takes nothing for a confirmed address. Says whether it was one.
    pub fn refuse_mail_address(&mut self, id: &str, error: &str) -> Result<bool> {
        const SQL: &str = "UPDATE mail_addresses SET state = 'refused', error = ?2 WHERE id = ?1 AND state = 'confirmed'";
        Ok(self.connection.execute(SQL, params![id, error])? > 0)
    }

    /// The mail server takes nothing for a confirmed address at present; it is tried again then. Says since when that is so.
    pub fn note_mail_failing(
        &mut self,
        id: &str,
        error: &str,
        (now_ms, retry_at_ms): (i64, i64),
    ) -> Result<i64> {
        const NOTE: &str = "UPDATE mail_addresses SET failing_since_ms = COALESCE(failing_since_ms, CAST(?2 AS BIGINT)), \
             retry_at_ms = ?3, error = ?4 WHERE id = ?1 AND state = 'confirmed'";
        const SINCE: &str = "SELECT failing_since_ms FROM mail_addresses WHERE id = ?1";
        self.connection
            .execute(NOTE, params![id, now_ms, retry_at_ms, error])?;
        let since = self
            .connection
            .find(SINCE, params![id], |row| row.optional_int(0))?;
        Ok(since.flatten().unwrap_or(now_ms))
    }

    /// An address was told of the events up to `through`, in one mail.
    pub fn note_mail_sent(
        &mut self,
        (id, account): (&str, &AccountId),
        through: i64,
        now_ms: i64,
    ) -> Result<()> {
        const TOLD: &str = "UPDATE mail_addresses SET told_number = ?2, failing_since_ms = NULL, retry_at_ms = NULL, error = NULL \
             WHERE id = ?1 AND told_number < ?2";
        const COUNT: &str = "UPDATE mail_policies SET sent_mails = sent_mails + 1, sent_at_ms = ?2 WHERE account_id = ?1";
        // The policy first, as whoever takes an address away.
        self.connection
            .execute(COUNT, params![account.as_str(), now_ms])?;
        self.connection.execute(TOLD, params![id, through])?;
        Ok(())
    }

    /// Takes an address away. Says whether there was one.
    pub fn delete_mail_address(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM mail_addresses WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id])? > 0)
    }
}
