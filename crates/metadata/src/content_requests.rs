//! Operators' requests to see what is in an account.

use crate::connection::{Param, Row, params, parse_column};
use crate::error::Result;
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{
    AccountId, ContentRequest, ContentRequestId, ContentRequestState, NamespaceId, UserId,
};

/// A request with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRequestRow {
    /// The request.
    pub request: ContentRequest,
    /// The account's name.
    pub account_name: String,
    /// The operator's name.
    pub operator_name: String,
}

/// Which requests a list is about.
#[derive(Clone, Copy, Debug)]
pub enum ContentRequestsOf<'a> {
    /// All.
    All,
    /// One account's.
    Account(&'a AccountId),
    /// One operator's.
    Operator(&'a UserId),
}

const FIELDS: &[Field] = &[
    Field {
        name: "state",
        column: "q.state",
        kind: Kind::Text,
    },
    Field {
        name: "operator",
        column: "u.name",
        kind: Kind::Text,
    },
    Field {
        name: "account",
        column: "a.name",
        kind: Kind::Text,
    },
    Field {
        name: "asked_at",
        column: "q.asked_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "q.id, q.account_id, q.user_id, q.namespace_id, q.reason, q.hours, q.state, q.asked_at_ms, q.decided_by, \
         q.decided_at_ms, q.expires_at_ms, a.name, u.name, q.namespace_name"
    };
}

macro_rules! tables {
    () => {
        "content_requests q JOIN accounts a ON a.id = q.account_id JOIN users u ON u.id = q.user_id"
    };
}

fn read_request(row: &Row<'_>) -> Result<ContentRequestRow> {
    let state = ContentRequestState::parse(&row.text(6)?);
    let request = ContentRequest {
        id: ContentRequestId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        operator_id: UserId::new(row.text(2)?),
        namespace_name: row.optional_text(13)?,
        namespace_id: row.optional_text(3)?.map(NamespaceId::new),
        reason: row.text(4)?,
        hours: row.int(5)?,
        state: parse_column("content_requests.state", state)?,
        asked_at_ms: row.int(7)?,
        decided_by: row.optional_text(8)?,
        decided_at_ms: row.optional_int(9)?,
        expires_at_ms: row.optional_int(10)?,
    };
    Ok(ContentRequestRow {
        request,
        account_name: row.text(11)?,
        operator_name: row.text(12)?,
    })
}

impl Reader<'_> {
    /// A request.
    pub fn find_content_request(&self, id: &ContentRequestId) -> Result<Option<ContentRequestRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE q.id = ?1"
        );
        self.connection
            .find(SQL, params![id.as_str()], read_request)
    }

    /// Requests. Fields: `state`, `operator`, `account`, `asked_at`; the newest first.
    pub fn list_content_requests(
        &self,
        of: ContentRequestsOf<'_>,
        query: &ListQuery,
    ) -> Result<Listed<ContentRequestRow>> {
        let (condition, params) = match of {
            ContentRequestsOf::All => ("1 = 1", Vec::new()),
            ContentRequestsOf::Account(id) => ("q.account_id = ?1", vec![Param::from(id.as_str())]),
            ContentRequestsOf::Operator(id) => ("q.user_id = ?1", vec![Param::from(id.as_str())]),
        };
        let source = ListSource {
            columns: columns!(),
            from: format!(concat!(tables!(), " WHERE {}"), condition),
            params,
            fields: FIELDS,
            order: "q.id DESC",
        };
        list(&self.connection, &source, query, read_request)
    }

    /// Requests of an operator that nobody has decided about yet.
    pub fn count_open_content_requests(&self, operator: &UserId) -> Result<i64> {
        const SQL: &str =
            "SELECT COUNT(*) FROM content_requests WHERE user_id = ?1 AND state = 'asked'";
        self.connection
            .get(SQL, params![operator.as_str()], |row| row.int(0))
    }
}

impl Tx<'_> {
    /// Writes a request that was asked.
    pub fn create_content_request(&mut self, request: &ContentRequest) -> Result<()> {
        const SQL: &str = "INSERT INTO content_requests (id, account_id, user_id, namespace_name, reason, hours, state, \
             asked_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let params = params![
            request.id.as_str(),
            request.account_id.as_str(),
            request.operator_id.as_str(),
            request.namespace_name.as_deref(),
            &request.reason,
            request.hours,
            request.state.as_str(),
            request.asked_at_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Writes where a request stands now, if it still stands at `from`. Says whether it did.
    pub fn decide_content_request(
        &mut self,
        request: &ContentRequest,
        from: ContentRequestState,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE content_requests SET state = ?3, decided_by = ?4, decided_at_ms = ?5, expires_at_ms = ?6, \
             namespace_id = ?7 WHERE id = ?1 AND state = ?2";
        let params = params![
            request.id.as_str(),
            from.as_str(),
            request.state.as_str(),
            request.decided_by.as_deref(),
            request.decided_at_ms,
            request.expires_at_ms,
            request.namespace_id.as_ref().map(NamespaceId::as_str)
        ];
        let changed = self.connection.execute(SQL, params)?;
        self.changes.policy();
        Ok(changed > 0)
    }
}
