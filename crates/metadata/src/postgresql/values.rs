//! Values on their way to PostgreSQL and back. The server says which type it wants; both databases get the same texts
//! and the same parameters.

use crate::connection::Param;
use bytes::BytesMut;
use std::borrow::Cow;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Failed = Box<dyn Error + Sync + Send>;

impl ToSql for Param<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match (*self, wanted) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::UNKNOWN) => {
                without_nul(text).as_ref().to_sql(wanted, out)
            }
            (Self::Int(value), &Type::INT8) => value.to_sql(wanted, out),
            (Self::Int(value), &Type::INT4) => i32::try_from(value)?.to_sql(wanted, out),
            (Self::Int(value), &Type::INT2) => i16::try_from(value)?.to_sql(wanted, out),
            (value, wanted) => Err(format!("{value:?} where the server wants {wanted}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        // It depends on the value.
        true
    }

    to_sql_checked!();
}

/// PostgreSQL has no text with a NUL. What is looked for with one is not there, and in byte order stands where the next
/// character would; nothing that is stored may contain either.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{1}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// An integer of any width.
pub(crate) struct Int(pub(crate) i64);

impl<'a> FromSql<'a> for Int {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        Ok(Self(match *found {
            Type::INT8 => i64::from_sql(found, raw)?,
            Type::INT4 => i32::from_sql(found, raw)?.into(),
            _ => i16::from_sql(found, raw)?.into(),
        }))
    }

    fn accepts(found: &Type) -> bool {
        matches!(*found, Type::INT8 | Type::INT4 | Type::INT2)
    }
}
