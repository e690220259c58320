//! Repositories, artifacts, tags and the trash.

texts! {
    plain {
    }
    counted {
    }
}
