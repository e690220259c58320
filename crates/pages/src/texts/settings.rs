//! How an account is set up.

texts! {
    plain {
    }
    counted {
    }
}
