//! Repositories whose names are like patterns: exact, so that counts and pages tell nothing of the others.

use crate::connection::{Connection, Param};
use crate::error::Result;
use crate::query::places;
use model::role::{matches_pattern, regular_expression};
use model::{NamespaceId, RepositoryPattern};
use rusqlite::functions::{Context, FunctionFlags};

/// Some repositories of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacePart {
    /// The namespace.
    pub namespace: NamespaceId,
    /// What their names within it are like.
    pub pattern: RepositoryPattern,
}

/// The name of the function on SQLite. PostgreSQL knows regular expressions.
const FUNCTION: &str = "is_in_parts";

/// Some parts of namespaces as conditions of a query need them.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    parts: &'a [NamespacePart],
    /// What the whole of `namespace id/namespace/path` is like, in this database's words.
    text: String,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(connection: &Connection<'_>, parts: &'a [NamespacePart]) -> Self {
        let whole = |part: &NamespacePart| format!("{}/*/{}", part.namespace, part.pattern);
        let text = match connection {
            Connection::Sqlite { .. } => {
                let lines: Vec<_> = parts.iter().map(whole).collect();
                lines.join("\n")
            }
            Connection::Postgres(_) => {
                let any: Vec<_> = parts
                    .iter()
                    .map(|part| regular_expression(&whole(part)))
                    .collect();
                format!("^({})$", any.join("|"))
            }
        };
        Self { parts, text }
    }

    /// The condition on the repositories `r`, with its values put behind the others.
    pub(crate) fn condition<'s>(
        &'s self,
        connection: &Connection<'_>,
        params: &mut Vec<Param<'s>>,
    ) -> String {
        if self.parts.is_empty() {
            return "1 = 0".to_owned();
        }
        let places = places(params.len(), self.parts.len());
        params.extend(
            self.parts
                .iter()
                .map(|part| Param::from(part.namespace.as_str())),
        );
        params.push(Param::from(&self.text));
        let at = params.len();
        let is_like = match connection {
            Connection::Sqlite { .. } => {
                format!("{FUNCTION}(r.namespace_id || '/' || r.name, ?{at})")
            }
            Connection::Postgres(_) => format!("(r.namespace_id || '/' || r.name) ~ ?{at}"),
        };
        format!("(r.namespace_id IN ({places}) AND {is_like})")
    }
}

/// Teaches a connection of SQLite the question. The parts are read once for each query.
pub(crate) fn teach(connection: &rusqlite::Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(FUNCTION, 2, flags, |context: &Context<'_>| {
        let name = context.get_raw(0).as_str()?;
        let parts = context.get_raw(1).as_str()?;
        Ok(parts.lines().any(|part| matches_pattern(part, name)))
    })?;
    Ok(())
}
