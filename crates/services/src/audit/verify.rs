//! Proving a chain: everything is counted anew, and what does not come out is named.

use super::{Audit, AuditChain, link};
use crate::access::Refused;
use crate::{Error, Result};
use metadata::{EventChainRow, EventRow};
use model::AccountId;
use serde::{Deserialize, Serialize};

/// Events of one step.
const BATCH: i64 = 500;
/// Events of one step, at most, of which it is looked where they were before: each is tried at the place of each other.
const MAX_SOUGHT: usize = 32;

/// How far a proof has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainPosition {
    /// The number of the last event looked at.
    pub number: i64,
    /// Its link.
    pub hash: String,
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainFault {
    /// Events are gone.
    Missing,
    /// An event is not what was sealed.
    Changed,
    /// An event has another's number.
    OutOfOrder,
    /// An event is where none can be.
    Unknown,
    /// What is noted of the chain's ends is not so.
    Checkpoint,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainProblem {
    /// The number of the event, or of the first of several.
    pub number: i64,
    /// What is wrong.
    pub fault: ChainFault,
    /// The same for people.
    pub detail: String,
}

/// What a step of a proof found.
#[derive(Debug)]
pub struct VerifyStep {
    /// Events looked at.
    pub checked: u64,
    /// What is wrong with them.
    pub problems: Vec<ChainProblem>,
    /// Where it has come.
    pub position: ChainPosition,
    /// Whether that is the end of the chain.
    pub is_done: bool,
}

impl Audit {
    /// Proves some of a chain: from the purge's checkpoint, or from where the step before ended.
    pub async fn verify(
        &self,
        chain: AuditChain<'_>,
        from: Option<ChainPosition>,
    ) -> Result<VerifyStep, Refused> {
        let owner = self.owner(chain).await?;
        let asked = self.core.metadata.list(move |reader| {
            // Sealing and purging go on meanwhile; what is true before and after was true in between.
            let owner = owner.as_ref();
            let before = reader.find_event_chain(owner)?;
            let noted = before.clone().unwrap_or_default();
            let from = from.clone();
            let is_first = from.is_none();
            let begin = from
                .filter(|position| position.number >= noted.purged_number)
                .unwrap_or(ChainPosition {
                    number: noted.purged_number,
                    hash: noted.purged_hash.clone(),
                });
            let mut problems = Vec::new();
            if is_first && let Some(first) = reader.list_sealed_events(owner, i64::MIN, 1)?.first() {
                let number = first.number.unwrap_or_default();
                if number <= noted.purged_number {
                    let detail = format!(
                        "event {number} is there, but the checkpoint says that everything up to {} was purged",
                        noted.purged_number
                    );
                    problems.push(problem(number, ChainFault::Unknown, detail));
                }
            }
            let rows = reader.list_sealed_events(owner, begin.number, BATCH)?;
            let after = reader.find_event_chain(owner)?.unwrap_or_default();
            let mut proof = Proof {
                owner,
                noted,
                after,
                position: begin.clone(),
                problems,
                doubtful: Vec::new(),
            };
            proof.follow(&rows);
            proof.name_the_doubtful();
            let is_done = i64::try_from(rows.len()).unwrap_or(BATCH) < BATCH
                || rows.iter().any(|event| event.number > Some(proof.after.sealed_number));
            if is_done {
                proof.compare_end(&rows, &begin);
            }
            proof.problems.sort_by_key(|problem| problem.number);
            Ok::<_, Error>(VerifyStep {
                checked: rows.len() as u64,
                problems: proof.problems,
                position: proof.position,
                is_done,
            })
        });
        Ok(asked.await?)
    }
}

fn problem(number: i64, fault: ChainFault, detail: String) -> ChainProblem {
    ChainProblem {
        number,
        fault,
        detail,
    }
}

/// An event whose link does not come out.
struct Doubtful<'a> {
    event: &'a EventRow,
    number: i64,
    /// The link that stands before it.
    previous: String,
}

struct Proof<'a> {
    owner: Option<&'a AccountId>,
    /// The ends as they were noted before the events were read, and after.
    noted: EventChainRow,
    after: EventChainRow,
    position: ChainPosition,
    problems: Vec<ChainProblem>,
    doubtful: Vec<Doubtful<'a>>,
}

impl<'a> Proof<'a> {
    /// Goes from event to event; each is compared with what is stored of the one before, so that one that was changed
    /// does not make all that follow look changed.
    fn follow(&mut self, rows: &'a [EventRow]) {
        for event in rows {
            let (number, hash) = (
                event.number.unwrap_or_default(),
                event.hash.clone().unwrap_or_default(),
            );
            let expected = self.position.number + 1;
            if number > self.after.sealed_number {
                let detail = format!(
                    "event {number} is there, but only {} were sealed",
                    self.after.sealed_number
                );
                self.problems
                    .push(problem(number, ChainFault::Unknown, detail));
                continue;
            }
            if number <= self.after.purged_number {
                // It was purged while we looked.
            } else if number > expected && self.after.purged_number < number - 1 {
                let first = expected.max(self.after.purged_number + 1);
                self.missing(first, number - 1);
            } else {
                let previous = if number > expected {
                    self.after.purged_hash.clone()
                } else {
                    self.position.hash.clone()
                };
                if link(&previous, self.owner, number, event) != hash {
                    self.doubtful.push(Doubtful {
                        event,
                        number,
                        previous,
                    });
                }
            }
            self.position = ChainPosition { number, hash };
        }
    }

    fn missing(&mut self, first: i64, last: i64) {
        let detail = if first == last {
            format!("event {first} is missing")
        } else {
            format!("events {first} to {last} are missing")
        };
        self.problems
            .push(problem(first, ChainFault::Missing, detail));
    }

    /// Of each event whose link does not come out: whether it would at another's place, or after another.
    fn name_the_doubtful(&mut self) {
        let doubtful = std::mem::take(&mut self.doubtful);
        let sought = &doubtful[..doubtful.len().min(MAX_SOUGHT)];
        for one in &doubtful {
            let hash = one.event.hash.as_deref().unwrap_or_default();
            let others = sought
                .iter()
                .filter_map(|other| other.event.hash.as_deref());
            let before: Vec<&str> = others
                .chain(sought.iter().map(|other| other.previous.as_str()))
                .collect();
            let sealed_as = sought.iter().map(|other| other.number).find(|number| {
                let mut before = before.iter();
                before.any(|previous| link(previous, self.owner, *number, one.event) == hash)
            });
            let number = one.number;
            match sealed_as {
                // It is what it was; what stands before it is not.
                Some(there) if there == number => {}
                Some(there) => {
                    let detail = format!("event {number} is the one that was sealed as {there}");
                    self.problems
                        .push(problem(number, ChainFault::OutOfOrder, detail));
                }
                None => {
                    let detail = if number == self.noted.purged_number + 1 && number > 1 {
                        format!("event {number} was changed, or the checkpoint before it was")
                    } else {
                        format!("event {number} was changed, or what stands before it was")
                    };
                    self.problems
                        .push(problem(number, ChainFault::Changed, detail));
                }
            }
        }
    }

    /// The chain ends where it was noted to end.
    fn compare_end(&mut self, rows: &[EventRow], begin: &ChainPosition) {
        let (number, noted) = (self.noted.sealed_number, self.noted.sealed_hash.clone());
        if self.position.number < number && self.after.purged_number < number {
            let first = self.position.number.max(self.after.purged_number) + 1;
            self.missing(first, number);
            return;
        }
        let last = rows.iter().find(|event| event.number == Some(number));
        let hash = match last {
            Some(event) => event.hash.as_deref(),
            None if begin.number == number => Some(begin.hash.as_str()),
            None => None,
        };
        if hash.is_some_and(|hash| hash != noted) {
            let detail =
                format!("the link of event {number} is not the one that was noted as the newest");
            self.problems
                .push(problem(number, ChainFault::Checkpoint, detail));
        }
    }
}
