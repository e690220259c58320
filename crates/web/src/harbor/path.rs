//! Paths of Harbor's API, matched as they came: a repository's name is one segment, with its slashes encoded once or twice.

use percent_encoding::percent_decode_str;

/// What stood in the places of a template, decoded.
#[derive(Debug, Default)]
pub(super) struct PathParams(Vec<(&'static str, String)>);

impl PathParams {
    /// What stood in the place of that name; empty for a place that the template does not have.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What stands in the places of `template` (as `/projects/{project_name}/members`) in a path, which is not decoded yet;
/// `None` when it is another path. A final slash counts for nothing: clients have it here and there.
pub(super) fn match_path(template: &'static str, path: &str) -> Option<PathParams> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut params = PathParams::default();
    let mut parts = path.split('/');
    for wanted in template.split('/') {
        let part = parts.next()?;
        match wanted
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => params.0.push((name, decode_twice(part)?)),
            None if wanted == part => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(params)
}

/// Some clients encode a name once, some twice: a percent sign that is left after the first time is one of the second.
/// `None` for what is not UTF-8, or empty.
fn decode_twice(part: &str) -> Option<String> {
    let once = percent_decode_str(part).decode_utf8().ok()?;
    let twice = percent_decode_str(&once).decode_utf8().ok()?;
    (!twice.is_empty() && !twice.contains('\0')).then(|| twice.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = "/projects/{project_name}/repositories/{repository_name}";

    fn repository(path: &str) -> Option<String> {
        Some(
            match_path(REPOSITORY, path)?
                .get("repository_name")
                .to_owned(),
        )
    }

    #[test]
    fn a_name_may_be_encoded_once_or_twice() {
        for name in ["a%2Fb", "a%252Fb", "a%252fb", "a%2fb"] {
            let path = format!("/projects/p/repositories/{name}");
            assert_eq!(repository(&path).as_deref(), Some("a/b"), "{name}");
        }
        assert_eq!(
            repository("/projects/p/repositories/a/").as_deref(),
            Some("a")
        );
    }

    #[test]
    fn another_path_does_not_match() {
        for path in [
            "/projects/p/repositories",
            "/projects/p/repositories/",
            "/projects/p/repositories/a/b",
            "/projects//repositories/a",
            "/projects/p/repositories/%ff",
            "/projects/p/repositories/a%00b",
            "/Projects/p/repositories/a",
        ] {
            assert_eq!(repository(path), None, "{path}");
        }
    }
}
