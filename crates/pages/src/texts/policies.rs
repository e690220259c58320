//! Retention, immutability, webhooks, network rules and quotas.

texts! {
    plain {
    }
    counted {
    }
}
