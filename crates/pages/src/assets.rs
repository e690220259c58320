//! The style, the script and the drawings: a few small files that are part of the program.

use std::sync::LazyLock;

/// A file that pages need.
#[derive(Debug)]
pub struct Asset {
    /// Its path: it changes with the content, so that browsers may keep what they have for good.
    pub path: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub content: &'static str,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset(
            "console.css",
            "text/css; charset=utf-8",
            include_str!("../static/console.css"),
        ),
        asset(
            "console.js",
            "text/javascript; charset=utf-8",
            include_str!("../static/console.js"),
        ),
        asset(
            "icon.svg",
            "image/svg+xml",
            include_str!("../static/icon.svg"),
        ),
    ]
});

fn asset(name: &str, media_type: &'static str, content: &'static str) -> Asset {
    let digest = oci::Digest::sha256_of(content.as_bytes());
    let mark = &digest.encoded()[..12];
    Asset {
        path: format!("/console/static/{mark}/{name}"),
        media_type,
        content,
    }
}

/// The file at a path.
pub fn find_asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// Where the style is.
pub(crate) fn style() -> &'static str {
    &ASSETS[0].path
}

/// Where the script is.
pub(crate) fn script() -> &'static str {
    &ASSETS[1].path
}

/// Where the icon is.
pub(crate) fn icon() -> &'static str {
    &ASSETS[2].path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_page_needs_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.content.len()).sum();
        assert!(bytes < 30_000, "{bytes}");
    }

    #[test]
    fn a_file_is_found_by_its_present_path_only() {
        assert!(find_asset(style()).is_some());
        assert!(find_asset("/console/static/000000000000/console.css").is_none());
    }
}
