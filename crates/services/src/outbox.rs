//! Whoever reads an account's sealed events one after the other, and does something with each: webhooks, sinks and mail.
//!
//! A follower has a place in the account's log, which moves on when what it reads is done with: each event is read at least
//! once, in order. Its job is asked for in the transaction that seals events, and runs for a bounded time. No job remembers
//! where it is.

use crate::core::Core;
use crate::job_queue::JobRequest;
use crate::sealer::Sealer;
use crate::{Error, Result};
use keys::Random;
use metadata::{EventRow, FollowerKind, FollowerRow, Reader, Turn, Tx};
use model::{AccountId, Event, JobId, JobKind};
use std::sync::Arc;

/// How long one run of a follower goes on; then others have their turn.
pub(crate) const RUN_LIMIT_MS: i64 = 30_000;
/// How long a follower waits after its first failure at most; after each further one twice as long.
const FIRST_BACKOFF_MS: i64 = 10_000;
/// How long it waits at most.
const LONGEST_BACKOFF_MS: i64 = 3_600_000;
/// For how long a follower may do nothing but fail before it is paused.
const PATIENCE_MS: i64 = 24 * 3_600_000;
/// For how long events that an active follower has not read are kept beyond the time after which they are purged.
pub(crate) const WITHHELD_MS: i64 = 7 * 24 * 3_600_000;
/// Followers of one question.
const PAGE: i64 = 200;

/// Events for a follower.
pub(crate) struct Batch {
    pub(crate) follower: FollowerRow,
    /// Sealed, in order, each after the place where the follower is.
    pub(crate) events: Vec<EventRow>,
}

impl Batch {
    /// The number of the last of them; where the follower is, when there is none.
    pub(crate) fn through(&self) -> i64 {
        let last = self.events.last().and_then(|event| event.number);
        last.unwrap_or(self.follower.read_number)
    }
}

/// Why a run ends.
#[derive(Clone, Debug)]
pub(crate) enum Leaving {
    /// There was nothing left to read.
    Idle,
    /// Its time is over.
    Yield,
    /// There is something to read, which has to wait until then.
    Until(i64),
    /// What was to be done failed; why, for people, without secrets.
    Failed(String),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// There is something to read after all: the run goes on, and leaves again.
    Again,
    /// The run is over.
    Gone,
}

/// Places in logs.
#[derive(Clone)]
pub(crate) struct Outbox {
    core: Arc<Core>,
    random: Arc<dyn Random>,
}

impl Outbox {
    pub(crate) fn new(core: Arc<Core>, random: Arc<dyn Random>) -> Self {
        Self { core, random }
    }

    /// Seals what was committed so far, so that whatever follows from now on is told of nothing that was before.
    pub(crate) async fn settle(&self) -> Result<()> {
        let sealer = Sealer::new(self.core.clone());
        while sealer.seal().await? > 0 {}
        Ok(())
    }

    /// Lets something follow an account's events from now on, in the transaction that makes it: the first that it reads is
    /// sealed after that.
    pub(crate) fn follow(
        core: &Core,
        tx: &mut Tx<'_>,
        kind: FollowerKind,
        (id, account): (&str, &AccountId),
    ) -> Result<()> {
        // Nobody seals meanwhile: whoever does later finds this follower, and wakes it.
        tx.take_turn(Turn::Sealing)?;
        let follower = FollowerRow {
            id: id.to_owned(),
            account_id: account.clone(),
            kind,
            read_number: chain_end(tx, account)?,
            is_paused: false,
            failures: 0,
            failing_since_ms: None,
            retry_at_ms: None,
            missed: 0,
            last_error: None,
            created_at_ms: core.now_ms(),
        };
        Ok(tx.create_follower(&follower)?)
    }

    /// Ends that.
    pub(crate) fn unfollow(tx: &mut Tx<'_>, id: &str) -> Result<()> {
        tx.delete_follower(id)?;
        Ok(())
    }

    /// Lets a paused follower go on where it stopped, or with what happens from now on.
    pub(crate) fn resume(core: &Core, tx: &mut Tx<'_>, id: &str, skips: bool) -> Result<()> {
        if skips {
            tx.take_turn(Turn::Sealing)?;
        }
        let Some(mut follower) = tx.take_follower(id)? else {
            return Err(Error::NotFound("what follows the events".to_owned()));
        };
        if skips {
            follower.read_number = chain_end(tx, &follower.account_id)?;
        }
        follower.is_paused = false;
        forget_failures(&mut follower);
        tx.put_follower_condition(&follower)?;
        request(core, tx, &follower, None)
    }

    /// At most `limit` of the events that come next for a follower. `None` when there is none of that id, it is paused, or
    /// its account is being closed. Events that were purged before it read them are counted, told of, and passed over.
    pub(crate) async fn next(&self, id: &str, limit: i64) -> Result<Option<Batch>> {
        let owned = id.to_owned();
        let read = self.core.metadata.list(move |reader| {
            let Some(follower) = reader.find_follower(&owned)? else {
                return Ok(None);
            };
            let account = reader.find_account(&follower.account_id)?;
            if follower.is_paused || !account.is_some_and(|account| account.state.allows_pull()) {
                return Ok(None);
            }
            let owner = Some(&follower.account_id);
            let chain = reader.find_event_chain(owner)?.unwrap_or_default();
            let events = reader.list_sealed_events(owner, follower.read_number, limit)?;
            Ok::<_, Error>(Some((follower, chain.purged_number, events)))
        });
        let Some((mut follower, purged, events)) = read.await? else {
            return Ok(None);
        };
        let purged = purged_through(purged, &events);
        if purged > follower.read_number {
            let (gap, from) = (follower.clone(), follower.read_number);
            let (core, events) = (self.core.clone(), purged - from);
            let noted = self.core.metadata.write(move |tx| {
                if !tx.advance_follower(&gap.id, (from, purged), events)? {
                    return Ok(false);
                }
                let event = Event::EventsMissed {
                    follower: format!("{} {}", gap.kind.as_str(), gap.id),
                    from: from + 1,
                    through: purged,
                };
                core.record_by_itself(tx, &event, &gap.account_id)?;
                Ok::<_, Error>(true)
            });
            if !noted.await? {
                return Ok(None);
            }
            follower.read_number = purged;
        }
        let mut events = events;
        events.retain(|event| event.number > Some(follower.read_number));
        Ok(Some(Batch { follower, events }))
    }

    /// Moves a follower's place on to `through`, with whatever else `work` does, and forgets its failures if `is_success`.
    /// Says whether the follower was still where it had been; if not, nothing was done.
    pub(crate) async fn pass(
        &self,
        follower: &FollowerRow,
        (through, is_success): (i64, bool),
        work: impl FnOnce(&Core, &mut Tx<'_>) -> Result<()> + Clone + Send + 'static,
    ) -> Result<bool> {
        let (core, follower) = (self.core.clone(), follower.clone());
        let passed = self.core.metadata.write(move |tx| {
            let Some(mut now) = tx.take_follower(&follower.id)? else {
                return Ok(false);
            };
            if now.is_paused || now.read_number != follower.read_number {
                return Ok(false);
            }
            tx.advance_follower(&now.id, (now.read_number, through), 0)?;
            if is_success && (now.failures > 0 || now.retry_at_ms.is_some()) {
                now.read_number = through;
                forget_failures(&mut now);
                tx.put_follower_condition(&now)?;
            }
            work(&core, tx)?;
            Ok::<_, Error>(true)
        });
        passed.await
    }

    /// Ends a run, whose job this is: the last thing that it does.
    pub(crate) async fn leave(&self, id: &str, job: &JobId, leaving: Leaving) -> Result<Left> {
        let (core, id, job) = (self.core.clone(), id.to_owned(), job.clone());
        let share = self.share();
        let left = self.core.metadata.write(move |tx| {
            // Whoever seals takes the follower first, too: it either waits until the job's key is free, or its events are
            // seen here.
            let Some(mut follower) = tx.take_follower(&id)? else {
                return Ok(Left::Gone);
            };
            if follower.is_paused {
                return Ok(Left::Gone);
            }
            let is_idle = matches!(leaving, Leaving::Idle);
            if is_idle && chain_end(tx, &follower.account_id)? > follower.read_number {
                return Ok(Left::Again);
            }
            tx.release_job_key(&job)?;
            match &leaving {
                Leaving::Idle => {}
                Leaving::Yield => request(&core, tx, &follower, None)?,
                Leaving::Until(at_ms) => {
                    follower.retry_at_ms = Some(*at_ms);
                    tx.put_follower_condition(&follower)?;
                    request(&core, tx, &follower, follower.retry_at_ms)?;
                }
                Leaving::Failed(why) => fail(&core, tx, &mut follower, (why, share))?,
            }
            Ok::<_, Error>(Left::Gone)
        });
        left.await
    }

    /// Asks for the jobs of followers that have something to read and no job: theirs were lost, or called off.
    pub(crate) async fn tend(&self) -> Result<usize> {
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let from = after.clone();
            let behind = self
                .core
                .metadata
                .list(move |reader| Ok::<_, Error>(reader.list_followers_behind(&from, PAGE)?));
            let behind = behind.await?;
            let Some(last) = behind.last() else {
                return Ok(count);
            };
            after.clone_from(&last.id);
            count += behind.len();
            let core = self.core.clone();
            let asked = self.core.metadata.write_relaxed(move |tx| {
                for follower in &behind {
                    request(&core, tx, follower, follower.retry_at_ms)?;
                }
                Ok::<_, Error>(())
            });
            asked.await?;
        }
    }

    /// Between a half and all of something, in thousandths.
    fn share(&self) -> i64 {
        let mut bytes = [0; 2];
        self.random.fill(&mut bytes);
        500 + i64::from(u16::from_le_bytes(bytes)) % 501
    }
}

/// Wakes those who follow these accounts, in the transaction that sealed some of their events.
pub(crate) fn wake<'a>(
    core: &Core,
    tx: &mut Tx<'_>,
    accounts: impl Iterator<Item = &'a AccountId>,
) -> Result<()> {
    for account in accounts {
        for follower in tx.take_followers(account)? {
            if !follower.is_paused {
                request(core, tx, &follower, follower.retry_at_ms)?;
            }
        }
    }
    Ok(())
}

/// The number of the newest event that every active follower of an account has read.
pub(crate) fn purgeable(reader: &Reader<'_>, owner: Option<&AccountId>) -> Result<i64> {
    let Some(account) = owner else {
        return Ok(i64::MAX);
    };
    Ok(reader.find_slowest_follower(account)?.unwrap_or(i64::MAX))
}

/// Before when an event must have happened to be purged, of a purge of what is older than `before_ms`: what somebody who is
/// told of events has not read yet stays a while longer, but not for ever.
pub(crate) fn purged_before(before_ms: i64, is_read: bool) -> i64 {
    if is_read {
        before_ms
    } else {
        before_ms.saturating_sub(WITHHELD_MS)
    }
}

/// The number of the newest event that is purged, as a reader knows it that first asked how far that is, and then for the
/// events after its place: some may have been purged in between, and numbers have no other gaps.
pub(crate) fn purged_through(purged: i64, events: &[EventRow]) -> i64 {
    let first = events.first().and_then(|event| event.number);
    purged.max(first.map_or(0, |first| first - 1))
}

/// The number of the newest sealed event.
fn chain_end(reader: &Reader<'_>, account: &AccountId) -> Result<i64> {
    let chain = reader.find_event_chain(Some(account))?;
    Ok(chain.map_or(0, |chain| chain.sealed_number))
}

fn forget_failures(follower: &mut FollowerRow) {
    follower.failures = 0;
    follower.failing_since_ms = None;
    follower.retry_at_ms = None;
    follower.last_error = None;
}

/// What reads for a follower of a kind.
fn job_kind(kind: FollowerKind) -> JobKind {
    match kind {
        FollowerKind::Webhook => JobKind::DELIVER_WEBHOOKS,
        FollowerKind::Sink => JobKind::FEED_SINKS,
        FollowerKind::Mail => JobKind::SEND_MAIL,
    }
}

/// Asks for a follower's job, unless it has one.
pub(crate) fn request(
    core: &Core,
    tx: &mut Tx<'_>,
    follower: &FollowerRow,
    run_at_ms: Option<i64>,
) -> Result<()> {
    let job = JobRequest {
        kind: job_kind(follower.kind),
        account: Some(follower.account_id.clone()),
        payload: serde_json::json!({ "follower": follower.id }).to_string(),
        dedup_key: Some(format!("follow:{}", follower.id)),
        run_at_ms,
    };
    core.enqueue(tx, &job)?;
    Ok(())
}

/// Something that a follower did went well: its failures are forgotten.
pub(crate) fn succeeded(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let Some(mut follower) = tx.take_follower(id)? else {
        return Ok(());
    };
    if follower.failures > 0 && !follower.is_paused {
        forget_failures(&mut follower);
        tx.put_follower_condition(&follower)?;
    }
    Ok(())
}

/// Writes a failure down. The follower is tried again later, or paused.
fn fail(
    core: &Core,
    tx: &mut Tx<'_>,
    follower: &mut FollowerRow,
    (why, share): (&str, i64),
) -> Result<()> {
    let now_ms = core.now_ms();
    let since_ms = *follower.failing_since_ms.get_or_insert(now_ms);
    follower.failures += 1;
    follower.last_error = Some(why.to_owned());
    if now_ms - since_ms >= PATIENCE_MS {
        follower.is_paused = true;
        follower.retry_at_ms = None;
        tx.put_follower_condition(follower)?;
        return paused(core, tx, follower, since_ms);
    }
    let doublings = u32::try_from(follower.failures - 1).unwrap_or(0).min(20);
    let wait_ms = (FIRST_BACKOFF_MS << doublings).min(LONGEST_BACKOFF_MS) * share / 1000;
    follower.retry_at_ms = Some(now_ms + wait_ms);
    tx.put_follower_condition(follower)?;
    request(core, tx, follower, follower.retry_at_ms)
}

/// Says that a follower was paused.
fn paused(core: &Core, tx: &mut Tx<'_>, follower: &FollowerRow, since_ms: i64) -> Result<()> {
    match follower.kind {
        FollowerKind::Webhook => crate::webhooks::paused(core, tx, follower, since_ms),
        FollowerKind::Sink => crate::sinks::paused(core, tx, follower, since_ms),
        FollowerKind::Mail => crate::mail::paused(core, tx, follower, since_ms),
    }
}
