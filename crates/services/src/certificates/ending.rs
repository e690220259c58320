//! Certificates that end soon: said in the account's log, once for each of a few times.

use super::{Certificates, DAY_MS, date};
use crate::{Error, Result};
use metadata::AddressCertificateRow;
use model::Event;
use std::sync::atomic::Ordering;

/// The days before its end at which an account is told of it; 0 when it has ended.
const TOLD_AT_DAYS: [i64; 5] = [0, 1, 7, 14, 30];
/// Certificates of one question.
const PAGE: i64 = 200;

impl Certificates {
    /// Tells accounts of certificates that end soon, unless they know. Says how many it told of.
    pub async fn tell_of_ends(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        let before_ms = now_ms.saturating_add(30 * DAY_MS);
        let (mut after, mut told) = ((i64::MIN, String::new()), 0);
        loop {
            let (after_ms, after_host) = (after.0, after.1.clone());
            let page = self.core.metadata.list(move |reader| {
                let after = (after_ms, after_host.as_str());
                Ok::<_, Error>(reader.list_ending_certificates(before_ms, after, PAGE)?)
            });
            let page = page.await?;
            let Some(last) = page.last() else {
                return Ok(told);
            };
            after = (last.ends_at_ms, last.host.clone());
            for row in page {
                if let Some(days) = due(&row, now_ms) {
                    self.tell(row, days).await?;
                    told += 1;
                }
            }
        }
    }

    async fn tell(&self, row: AddressCertificateRow, days: i64) -> Result<()> {
        let core = self.core.clone();
        self.core
            .metadata
            .write(move |tx| {
                if !tx.set_certificate_told(&row.host, &row.fingerprint, days)? {
                    return Ok(());
                }
                let event = Event::AddressCertificateEnding {
                    address: row.host,
                    days,
                    ends_at: date(row.ends_at_ms),
                };
                core.record_by_itself(tx, &event, &row.account_id)
            })
            .await
    }

    /// Looks when the first of all certificates ends, for [`Certificates::first_end_ms`].
    pub async fn look_at_ends(&self) -> Result<()> {
        let read = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_first_certificate_end()?));
        let end_ms = read.await?.unwrap_or(0);
        self.first_end_ms.store(end_ms, Ordering::Relaxed);
        Ok(())
    }

    /// When the first of all certificates ends, as it was last looked at, in milliseconds since 1970; 0 when there is none.
    pub fn first_end_ms(&self) -> i64 {
        self.first_end_ms.load(Ordering::Relaxed)
    }
}

/// Of how many days the account is to be told now; `None` when it was.
fn due(row: &AddressCertificateRow, now_ms: i64) -> Option<i64> {
    let left_ms = row.ends_at_ms.saturating_sub(now_ms);
    let mut times = TOLD_AT_DAYS.into_iter();
    let days = times.find(|days| left_ms <= days * DAY_MS)?;
    row.told_days.is_none_or(|told| days < told).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AccountId;

    #[test]
    fn each_time_is_told_of_once() {
        let row = |ends_at_ms, told_days| AddressCertificateRow {
            host: "a.example".to_owned(),
            account_id: AccountId::new("account"),
            chain: String::new(),
            sealed_key: String::new(),
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            fingerprint: String::new(),
            begins_at_ms: 0,
            ends_at_ms,
            updated_at_ms: 0,
            told_days,
        };
        let now_ms = 100 * DAY_MS;
        let at = |days: i64, told| due(&row(now_ms + days * DAY_MS, told), now_ms);
        assert_eq!(at(31, None), None);
        assert_eq!(at(30, None), Some(30));
        assert_eq!(at(29, Some(30)), None);
        assert_eq!(at(14, Some(30)), Some(14));
        assert_eq!(at(3, Some(30)), Some(7));
        assert_eq!(at(1, Some(1)), None);
        assert_eq!(at(0, Some(1)), Some(0));
        assert_eq!(at(-5, Some(0)), None);
        assert_eq!(at(-5, None), Some(0));
    }
}
