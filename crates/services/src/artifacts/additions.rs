//! Additions: what is read out of an artifact for people.

use super::archives::{FILE_BYTES, Packing, find_file, require_small};
use super::config::GET_CONFIG_BYTES;
use super::kinds::{CHART_CONFIG, MODEL_CONFIG};
use super::{ArtifactRef, Artifacts, parse};
use crate::access::{Access, Pull, Refused};
use crate::account_access::AccountContext;
use crate::{Error, Result};
use model::Action;
use oci::{Descriptor, Manifest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the layer of a chart is, now and in the beginning.
const CHART_LAYERS: [&str; 2] = [
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    "application/tar+gzip",
];
/// What a layer with a document of a model is: as it is, or in an archive.
const DOCUMENT_RAW: &str = "application/vnd.cncf.model.doc.v1.raw";
const DOCUMENT_TAR: &str = "application/vnd.cncf.model.doc.v1.tar";
const DOCUMENT_TAR_GZIP: &str = "application/vnd.cncf.model.doc.v1.tar+gzip";
/// The annotation of a model's layer that says which file it is.
const FILE_PATH: &str = "org.cncf.model.filepath";
/// What is told of another chart that a chart needs.
const DEPENDENCY: [&str; 8] = [
    "name",
    "version",
    "repository",
    "condition",
    "tags",
    "enabled",
    "import-values",
    "alias",
];
/// How long an archive may take, with the turn that it waits for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Folders in folders that a list of files shows.
const MAX_DEPTH: usize = 32;

/// Something that is read out of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdditionKind {
    /// A chart's `values.yaml`.
    Values,
    /// A chart's or a model's `README.md`.
    Readme,
    /// The charts that a chart needs.
    Dependencies,
    /// A model's licence.
    License,
    /// The files of a model.
    Files,
}

impl AdditionKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Values,
        Self::Readme,
        Self::Dependencies,
        Self::License,
        Self::Files,
    ];

    /// Harbor's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Values => "values.yaml",
            Self::Readme => "readme.md",
            Self::Dependencies => "dependencies",
            Self::License => "license",
            Self::Files => "files",
        }
    }

    /// Those of a kind of artifact, by Harbor's word for that.
    pub fn of(kind: &str) -> &'static [Self] {
        match kind {
            "CHART" => &[Self::Values, Self::Readme, Self::Dependencies],
            "CNAI" => &[Self::License, Self::Files, Self::Readme],
            _ => &[],
        }
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Addition {
    /// JSON.
    Json(Value),
    /// Text as whoever pushed it wrote it.
    Text(Vec<u8>),
    /// The same, to be shown as Markdown.
    Markdown(Vec<u8>),
}

/// The same for people to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Text as whoever pushed it wrote it.
    Text(String),
    /// HTML that any page may show.
    Html(String),
}

impl Artifacts {
    /// Reads something out of an artifact, as people look at it.
    ///
    /// # Errors
    /// As [`Artifacts::addition`].
    pub async fn shown_addition(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        wanted: AdditionKind,
    ) -> Result<Shown, Refused> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(match self.addition(by, named, wanted).await? {
            Addition::Json(value) => Shown::Text(format!("{value:#}")),
            Addition::Text(bytes) => Shown::Text(text(bytes)),
            Addition::Markdown(bytes) => {
                let source = text(bytes);
                let html = tokio::task::spawn_blocking(move || crate::markdown::render(&source));
                Shown::Html(html.await.map_err(|error| {
                    tracing::error!(%error, "a document could not be rendered");
                    Error::Internal
                })?)
            }
        })
    }

    /// Reads something out of an artifact, for whoever may pull it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an artifact of another kind, or one that is too large or not as it should be;
    /// [`Error::NotFound`] for one that does not have it.
    pub async fn addition(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        wanted: AdditionKind,
    ) -> Result<Addition, Refused> {
        let action = Action::ArtifactAdditionRead;
        let (place, row) = self.find(by, named, action).await?;
        let access = self
            .authorizer
            .authorize::<Pull>(&by.context, &place.name)
            .await?;
        let manifest = parse(&row).ok_or(Error::Damaged)?;
        let config = manifest.config.as_ref();
        let kind = match config.map(|config| config.media_type.as_str()) {
            Some(CHART_CONFIG) => "CHART",
            Some(MODEL_CONFIG) => "CNAI",
            _ => "",
        };
        if !AdditionKind::of(kind).contains(&wanted) {
            return Err(Error::Invalid(format!(
                "the artifact has no {}: that is read of {} only",
                wanted.as_str(),
                match wanted {
                    AdditionKind::Values | AdditionKind::Dependencies => "Helm charts",
                    AdditionKind::Readme => "Helm charts and models",
                    AdditionKind::License | AdditionKind::Files => "models",
                }
            ))
            .into());
        }
        Ok(match wanted {
            AdditionKind::Files => Addition::Json(files(&manifest)),
            AdditionKind::Dependencies => self.dependencies(&access, config).await?,
            AdditionKind::License => {
                let is_wanted = |path: &str| matches!(path, "LICENSE" | "LICENSE.txt");
                Addition::Text(self.document(&access, &manifest, is_wanted).await?)
            }
            AdditionKind::Readme if kind == "CNAI" => {
                let is_wanted = |path: &str| matches!(path, "README.md" | "README");
                Addition::Markdown(self.document(&access, &manifest, is_wanted).await?)
            }
            AdditionKind::Readme => {
                let is_wanted = |path: &str| is_of_chart(path, "README.md");
                Addition::Markdown(self.file_of_chart(&access, &manifest, is_wanted).await?)
            }
            AdditionKind::Values => {
                let is_wanted = |path: &str| is_of_chart(path, "values.yaml");
                Addition::Text(self.file_of_chart(&access, &manifest, is_wanted).await?)
            }
        })
    }

    /// What Helm wrote into the chart's configuration when it was pushed.
    async fn dependencies(
        &self,
        access: &Access<Pull>,
        config: Option<&Descriptor>,
    ) -> Result<Addition> {
        let config = config.ok_or(Error::Damaged)?;
        let bytes = self.read_config(access, config, GET_CONFIG_BYTES).await?;
        let read: Option<Map<String, Value>> =
            bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let read = read.ok_or_else(|| {
            Error::Invalid("the chart's configuration cannot be read; push it again".to_owned())
        })?;
        let all = read.get("dependencies").and_then(Value::as_array);
        let shown = all.into_iter().flatten().filter_map(Value::as_object);
        let shown = shown.map(|one| {
            let known = one
                .iter()
                .filter(|(name, _)| DEPENDENCY.contains(&name.as_str()));
            Value::Object(
                known
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            )
        });
        Ok(Addition::Json(shown.collect()))
    }

    async fn file_of_chart(
        &self,
        access: &Access<Pull>,
        manifest: &Manifest,
        is_wanted: fn(&str) -> bool,
    ) -> Result<Vec<u8>> {
        let is_chart = |layer: &&Descriptor| CHART_LAYERS.contains(&layer.media_type.as_str());
        let layer = manifest.layers.iter().find(is_chart);
        let layer = layer.ok_or_else(|| {
            Error::Invalid("the chart has no archive of its files; push it with Helm".to_owned())
        })?;
        let found = self
            .file_in(access, layer, Packing::TarGzip, is_wanted)
            .await?;
        found.ok_or_else(|| Error::NotFound("that file of the chart".to_owned()))
    }

    /// A document of a model that lies in a layer of its own.
    async fn document(
        &self,
        access: &Access<Pull>,
        manifest: &Manifest,
        is_wanted: fn(&str) -> bool,
    ) -> Result<Vec<u8>> {
        let unknown = || Error::NotFound("that document of the model".to_owned());
        let is_it = |layer: &&Descriptor| file_path(layer).is_some_and(is_wanted);
        let layer = manifest.layers.iter().find(is_it).ok_or_else(unknown)?;
        let packing = match layer.media_type.as_str() {
            DOCUMENT_TAR => Packing::Tar,
            DOCUMENT_TAR_GZIP => Packing::TarGzip,
            DOCUMENT_RAW => {
                let bytes = self.read_config(access, layer, FILE_BYTES).await?;
                return bytes.ok_or_else(|| {
                    Error::Invalid(format!(
                        "the document has more than {FILE_BYTES} bytes, or cannot be read; pull the model and look into it there"
                    ))
                });
            }
            other => {
                return Err(Error::Invalid(format!(
                    "documents in layers of type {other} are not read; pull the model and look into it there"
                )));
            }
        };
        let found = self.file_in(access, layer, packing, is_wanted).await?;
        found.ok_or_else(unknown)
    }

    async fn file_in(
        &self,
        access: &Access<Pull>,
        layer: &Descriptor,
        packing: Packing,
        is_wanted: fn(&str) -> bool,
    ) -> Result<Option<Vec<u8>>> {
        require_small(layer.size)?;
        let finding = async {
            let turn = self.unpacking.acquire().await;
            let _turn = turn.map_err(|_| Error::Internal)?;
            let blob = self.blobs.open(access, &layer.digest).await?;
            require_small(blob.len())?;
            let chunks = blob.body(0..blob.len()).await?.into_stream();
            find_file(chunks, packing, is_wanted).await
        };
        let found = tokio::time::timeout(PATIENCE, finding).await;
        found.map_err(|_| {
            tracing::warn!(digest = %layer.digest, "an archive took too long to be looked into");
            Error::Unavailable
        })?
    }
}

/// Whether a path is a file of the chart itself, and not of one that it brings along.
fn is_of_chart(path: &str, file: &str) -> bool {
    let mut parts = path.split('/');
    let has_folder = parts.next().is_some_and(|folder| !folder.is_empty());
    let is_file = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case(file));
    has_folder && is_file && parts.next().is_none()
}

fn file_path(layer: &Descriptor) -> Option<&str> {
    let annotations = layer.annotations.as_ref()?;
    annotations.get(FILE_PATH).map(String::as_str)
}

/// What is in a folder, by name.
#[derive(Default)]
struct Folder {
    folders: BTreeMap<String, Folder>,
    files: BTreeMap<String, u64>,
}

impl Folder {
    fn add(&mut self, path: &str, size_bytes: u64, depth: usize) {
        match path.split_once('/') {
            Some((folder, rest)) if depth < MAX_DEPTH => {
                let folder = self.folders.entry(folder.to_owned()).or_default();
                folder.add(rest, size_bytes, depth + 1);
            }
            _ => {
                self.files.insert(path.to_owned(), size_bytes);
            }
        }
    }

    fn shown(&self) -> Value {
        let folders = self.folders.iter().map(|(name, folder)| {
            json!({ "name": name, "type": "directory", "children": folder.shown() })
        });
        let files = self
            .files
            .iter()
            .map(|(name, size)| json!({ "name": name, "type": "file", "size": size }));
        folders.chain(files).collect()
    }
}

/// The files of a model, as its layers name them.
fn files(manifest: &Manifest) -> Value {
    let mut all = Folder::default();
    for layer in &manifest.layers {
        if let Some(path) = file_path(layer) {
            all.add(path.trim_matches('/'), layer.size, 0);
        }
    }
    all.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_chart_are_not_those_of_charts_in_it() {
        for (path, expected) in [
            ("app/values.yaml", true),
            ("values.yaml", false),
            ("app/charts/db/values.yaml", false),
            ("/values.yaml", false),
            ("app/Values.yaml", true),
        ] {
            assert_eq!(is_of_chart(path, "values.yaml"), expected, "{path}");
        }
    }

    #[test]
    fn files_of_a_model_are_a_tree() {
        let mut all = Folder::default();
        for (path, size) in [("b/c/two", 2), ("one", 1), ("b/three", 3)] {
            all.add(path, size, 0);
        }
        let file = |name, size| json!({ "name": name, "type": "file", "size": size });
        let folder =
            |name, children| json!({ "name": name, "type": "directory", "children": children });
        let inner = folder("c", json!([file("two", 2)]));
        assert_eq!(
            all.shown(),
            json!([
                folder("b", json!([inner, file("three", 3)])),
                file("one", 1)
            ])
        );
        let mut deep = Folder::default();
        deep.add(&"x/".repeat(5000), 1, 0);
        assert!(deep.shown().to_string().len() < 20_000);
    }
}
