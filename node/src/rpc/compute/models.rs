//! Finding models by name or id.

use super::error::Error;
use kagari_primitives::{Manifest, ModelId};

/// How a model is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// By its id.
    Id(ModelId),
    /// By its name.
    Name(String),
}

impl Asked {
    /// An id if it looks like one, else a name: names hold no more than 64 bytes, ids in hex 66.
    pub fn parse(text: &str) -> Self {
        let hex = text
            .strip_prefix("0x")
            .and_then(|digits| hex::decode(digits).ok());
        match hex.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(id) => Self::Id(ModelId::from(id)),
            None => Self::Name(text.to_owned()),
        }
    }
}

/// Picks the model that is asked for among those registered.
pub fn pick(asked: &str, models: Vec<(ModelId, Manifest)>) -> Result<(ModelId, Manifest), Error> {
    let wanted = Asked::parse(asked);
    let fits = |(id, manifest): &&(ModelId, Manifest)| match &wanted {
        Asked::Id(wanted) => id == wanted,
        Asked::Name(name) => manifest.name[..] == *name.as_bytes(),
    };
    let found: Vec<_> = models.iter().filter(fits).cloned().collect();
    match <[_; 1]>::try_from(found) {
        Ok([model]) => Ok(model),
        Err(none) if none.is_empty() => {
            let known = models
                .iter()
                .map(|(id, manifest)| (manifest.name_text(), *id))
                .collect();
            Err(Error::UnknownModel {
                asked: shortened(asked),
                known,
            })
        }
        Err(several) => {
            let ids = several.iter().map(|(id, _)| *id).collect();
            Err(Error::AmbiguousModel {
                name: shortened(asked),
                ids,
            })
        }
    }
}

/// What was asked for, short enough for a message.
fn shortened(asked: &str) -> String {
    asked.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::known_models;

    fn models() -> Vec<(ModelId, Manifest)> {
        known_models::all()
            .into_iter()
            .map(|manifest| (manifest.id(), manifest))
            .collect()
    }

    #[test]
    fn models_are_found_by_name_and_by_id() {
        for (id, manifest) in models() {
            let by_name = pick(&manifest.name_text(), models());
            let by_id = pick(&format!("{id:?}"), models());
            assert_eq!(by_name.ok(), Some((id, manifest.clone())));
            assert_eq!(by_id.ok(), Some((id, manifest)));
        }
    }

    #[test]
    fn unknown_models_are_refused_with_the_list_of_known_ones() {
        let zero = format!("{:?}", ModelId::zero());
        for unknown in ["", "gpt", "0x12", &zero] {
            match pick(unknown, models()) {
                Err(Error::UnknownModel { asked, known }) => {
                    assert_eq!((asked.as_str(), known.len()), (unknown, models().len()));
                }
                other => panic!("{unknown}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_name_that_two_models_bear_is_refused() {
        let first = known_models::all_minilm_l6_v2();
        let second = Manifest {
            kernel_version: 7,
            ..first.clone()
        };
        let twins = vec![(first.id(), first.clone()), (second.id(), second.clone())];
        let by_name = pick(&first.name_text(), twins.clone());
        assert!(matches!(by_name, Err(Error::AmbiguousModel { ids, .. }) if ids.len() == 2));
        let by_id = pick(&format!("{:?}", second.id()), twins);
        assert_eq!(by_id.ok(), Some((second.id(), second)));
    }
}
