//! What operators of the deployment see.

texts! {
    plain {
    }
    counted {
    }
}
