//! The audit log and jobs.

texts! {
    plain {
    }
    counted {
    }
}
