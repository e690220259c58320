//! Jobs that an account asked for itself.

use crate::Reader;
use crate::connection::{Param, params};
use crate::error::Result;
use crate::jobs::{JobRow, job_columns, read_job};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::schedules::{ScheduleRow, read_schedule, schedule_columns};
use model::AccountId;

const FIELDS: &[Field] = &[
    Field {
        name: "creation_time",
        column: "created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "job_status",
        column: "state",
        kind: Kind::Text,
    },
];

const SCHEDULE_FIELDS: &[Field] = &[Field {
    name: "cron",
    column: "cron",
    kind: Kind::Text,
}];

impl Reader<'_> {
    /// Purges that an account asked for of its audit log, the newest first, as long as they are remembered. Fields:
    /// `creation_time`, `job_status`.
    pub fn list_audit_purges(
        &self,
        account: &AccountId,
        query: &ListQuery,
    ) -> Result<Listed<JobRow>> {
        let source = ListSource {
            columns: job_columns!(),
            // Word for word the condition of the index: a parameter would not be known to be this kind.
            from: "jobs WHERE account_id = ?1 AND kind = 'purge_audit_log'".to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: FIELDS,
            order: "id DESC",
        };
        list(&self.connection, &source, query, read_job)
    }

    /// Collections of garbage that an account asked for, the newest first, as long as they are remembered. Fields:
    /// `creation_time`, `job_status`.
    pub fn list_asked_collections(
        &self,
        account: &AccountId,
        query: &ListQuery,
    ) -> Result<Listed<JobRow>> {
        let source = ListSource {
            columns: job_columns!(),
            // Word for word the condition of the index, as above.
            from: "jobs WHERE account_id = ?1 AND kind = 'collect_account'".to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: FIELDS,
            order: "id DESC",
        };
        list(&self.connection, &source, query, read_job)
    }

    /// An account's schedules by name. Field: `cron`.
    pub fn list_account_schedules(
        &self,
        account: &AccountId,
        query: &ListQuery,
    ) -> Result<Listed<ScheduleRow>> {
        let source = ListSource {
            columns: schedule_columns!(),
            from: "schedules WHERE lane = ?1".to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: SCHEDULE_FIELDS,
            order: "name",
        };
        list(&self.connection, &source, query, read_schedule)
    }

    /// The account's schedule of that name.
    pub fn find_schedule_named(
        &self,
        account: &AccountId,
        name: &str,
    ) -> Result<Option<ScheduleRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            schedule_columns!(),
            " FROM schedules WHERE lane = ?1 AND name = ?2"
        );
        self.connection
            .find(SQL, params![account.as_str(), name], read_schedule)
    }
}
