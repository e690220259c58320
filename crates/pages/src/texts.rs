//! Every text of the console, in every language. A text that lacks a language does not compile.

use crate::values::Bytes;

/// A language that the console speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

impl Language {
    /// All of them, as they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its code, as in `lang` and `Accept-Language` (RFC 5646).
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    /// Its texts.
    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
        }
    }

    /// The language of a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
    }

    /// The first language of an `Accept-Language` header that there is, English without one (RFC 9110, 12.5.4; browsers list
    /// the languages in the order of preference).
    pub fn accepted(header: &str) -> Self {
        let mut codes = header
            .split(',')
            .map(|part| part.split([';', '-']).next().unwrap_or_default().trim());
        codes
            .find_map(|code| Self::of_code(&code.to_ascii_lowercase()))
            .unwrap_or(Self::English)
    }

    /// Whether something is one in this language: French counts nought so, too.
    const fn is_one(self, count: u64) -> bool {
        match self {
            Self::English => count == 1,
            Self::French => count < 2,
        }
    }

    /// What stands between groups of three digits, and before tenths.
    const fn separators(self) -> (char, char) {
        match self {
            Self::English => (',', '.'),
            Self::French => ('\u{202f}', ','),
        }
    }

    /// A whole number as people read it.
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(self.separators().0);
            }
            text.push(digit);
        }
        text
    }

    /// A number with one digit after the point.
    pub(crate) fn tenths(self, tenths: u64) -> String {
        let whole = self.number(tenths / 10);
        format!("{whole}{}{}", self.separators().1, tenths % 10)
    }
}

/// A text with a number in it, at the place of `{}`.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    language: Language,
    one: &'static str,
    more: &'static str,
}

impl Counted {
    /// The text for so many.
    pub fn of(&self, count: &u64) -> String {
        let text = if self.language.is_one(*count) {
            self.one
        } else {
            self.more
        };
        text.replace("{}", &self.language.number(*count))
    }
}
/// Templates hand over references.
impl Texts {
    /// A whole number.
    pub fn number(&self, number: &u64) -> String {
        self.language.number(*number)
    }

    /// A size.
    pub fn size(&self, size: &Bytes) -> String {
        size.text(self.language)
    }
}

/// Puts one value at the place of `{}`.
pub fn fill(text: &str, value: &str) -> String {
    text.replacen("{}", value, 1)
}

macro_rules! texts {
    (
        plain { $($name:ident: $english:literal, $french:literal;)* }
        counted { $($number:ident: $one:literal / $more:literal, $un:literal / $plusieurs:literal;)* }
    ) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub struct Texts {
            /// The language.
            pub language: Language,
            $(#[doc = $english] pub $name: &'static str,)*
            $(#[doc = $more] pub $number: Counted,)*
        }

        static ENGLISH: Texts = Texts {
            language: Language::English,
            $($name: $english,)*
            $($number: Counted { language: Language::English, one: $one, more: $more },)*
        };

        static FRENCH: Texts = Texts {
            language: Language::French,
            $($name: $french,)*
            $($number: Counted { language: Language::French, one: $un, more: $plusieurs },)*
        };

        #[cfg(test)]
        const NAMES: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $french),)*];
    };
}

texts! {
    plain {
        account: "Account", "Compte";
        accounts: "Accounts", "Comptes";
        account_state: "State", "État";
        address: "Address", "Adresse";
        annotations: "Annotations", "Annotations";
        any_language: "Language", "Langue";
        architecture: "Architecture", "Architecture";
        artifact: "Artifact", "Artefact";
        artifacts: "Artifacts", "Artefacts";
        back_home: "Back to the beginning", "Retour au début";
        build_step: "Build step", "Étape de construction";
        change_password: "Change password", "Changer le mot de passe";
        clear: "Clear", "Effacer";
        command_line: "Command", "Commande";
        configuration: "Configuration", "Configuration";
        copied: "Copied", "Copié";
        copy: "Copy", "Copier";
        created: "Created", "Créé";
        description: "Description", "Description";
        digest: "Digest", "Empreinte";
        environment: "Environment", "Environnement";
        failure_busy: "The registry is busy or cannot reach its storage. Nothing was changed. Try again in a moment.",
            "Le registre est occupé ou ne peut joindre son stockage. Rien n’a été modifié. Réessayez dans un instant.";
        failure_forbidden: "You may not do this. Ask an administrator of the account for the right.",
            "Vous n’avez pas le droit de faire cela. Demandez ce droit à un administrateur du compte.";
        failure_form: "This form was open too long or came from another site. Open the page again and repeat what you did.",
            "Ce formulaire est resté ouvert trop longtemps ou vient d’un autre site. Rouvrez la page et recommencez.";
        failure_invalid: "The registry could not do that.", "Le registre n’a pas pu faire cela.";
        failure_not_found: "There is no such page, or you may not see it.", "Cette page n’existe pas, ou vous ne pouvez pas la voir.";
        failure_title: "That did not work", "Cela n’a pas fonctionné";
        first_push: "Push a first image", "Envoyer une première image";
        first_push_hint: "These lines log in, name an image that you have, and push it. This page shows it as soon as it is here.",
            "Ces lignes ouvrent une session, nomment une image que vous avez et l’envoient. Cette page la montre dès qu’elle est là.";
        first_push_waiting: "Waiting for the first push …", "En attente du premier envoi …";
        full_in: "At this month’s pace the limit is reached in about {} days.",
            "Au rythme de ce mois, la limite sera atteinte dans {} jours environ.";
        hours_ago: "hours ago", "heures";
        immutable: "cannot be moved", "ne peut être déplacé";
        kind: "Kind", "Type";
        labels: "Labels", "Étiquettes";
        last_pull: "Last pull", "Dernier téléchargement";
        layers: "Layers", "Couches";
        layers_hint: "From the first layer to the last; a bar’s length is its share of the image.",
            "De la première couche à la dernière ; la longueur d’une barre est sa part de l’image.";
        main_content: "Skip to the content", "Aller au contenu";
        make_namespace: "Create namespace", "Créer l’espace de noms";
        make_namespace_hint: "Lower-case letters and digits, with -, _ and . between them.",
            "Lettres minuscules et chiffres, séparés par -, _ et .";
        media_type: "Media type", "Type de média";
        month_pulled: "Sent this month", "Envoyé aux clients ce mois-ci";
        month_pulls: "Pulls this month", "Téléchargements ce mois-ci";
        month_pushes: "Pushes this month", "Envois ce mois-ci";
        name: "Name", "Nom";
        namespace: "Namespace", "Espace de noms";
        namespaces: "Namespaces", "Espaces de noms";
        namespaces_empty: "You see no namespace here yet. Images are pushed to a namespace: ask an administrator for a place in one, or create one.",
            "Vous ne voyez encore aucun espace de noms ici. Les images sont envoyées dans un espace de noms : demandez une place à un administrateur, ou créez-en un.";
        never: "never", "jamais";
        new_password: "New password", "Nouveau mot de passe";
        new_password_again: "New password, again", "Nouveau mot de passe, encore";
        new_password_hint: "At least eight letters, with a capital, a small one and a digit.",
            "Au moins huit caractères, avec une majuscule, une minuscule et un chiffre.";
        next_page: "Next page", "Page suivante";
        no_limit: "no limit", "sans limite";
        none_found: "Nothing here has that in its name.", "Rien ici ne porte ce nom.";
        no_plan: "none", "aucune";
        nothing_in_namespace: "Nothing was pushed to this namespace yet.", "Rien n’a encore été envoyé dans cet espace de noms.";
        nothing_in_repository: "This repository has no artifact any more.", "Ce dépôt n’a plus d’artefact.";
        old_password: "Present password", "Mot de passe actuel";
        operating_system: "Operating system", "Système d’exploitation";
        overview: "Overview", "Vue d’ensemble";
        parts: "Platforms", "Plates-formes";
        password: "Password", "Mot de passe";
        password_changed: "The password is changed. Other sessions of yours have ended.",
            "Le mot de passe est changé. Vos autres sessions sont terminées.";
        password_differs: "The two new passwords differ.", "Les deux nouveaux mots de passe diffèrent.";
        plan: "Plan", "Formule";
        platform: "Platform", "Plate-forme";
        present_signing: "Signatures and more", "Signatures et compléments";
        private: "private", "privé";
        public: "public", "public";
        pull: "Pull", "Télécharger";
        pulls: "Pulls", "Téléchargements";
        pushed: "Pushed", "Envoyé";
        repositories: "Repositories", "Dépôts";
        repository: "Repository", "Dépôt";
        search: "Search", "Chercher";
        search_name: "Part of the name", "Partie du nom";
        sign_in: "Sign in", "Se connecter";
        sign_in_again: "Sign in again", "Se reconnecter";
        sign_in_failed: "User name or password is wrong, or this user may not sign in here.",
            "Le nom ou le mot de passe est faux, ou cet utilisateur ne peut pas se connecter ici.";
        sign_in_hint: "The first administrator is called admin; the password was printed when the registry first started.",
            "Le premier administrateur s’appelle admin ; son mot de passe a été affiché au premier démarrage du registre.";
        sign_in_throttled: "Too many wrong passwords. Try again in {} seconds.",
            "Trop de mots de passe erronés. Réessayez dans {} secondes.";
        sign_out: "Sign out", "Se déconnecter";
        signed_out: "You are signed out.", "Vous êtes déconnecté.";
        size: "Size", "Taille";
        storage: "Storage", "Stockage";
        storage_of: "{} of ", "{} sur ";
        tags: "Tags", "Tags";
        untagged: "untagged", "sans tag";
        updated: "Updated", "Modifié";
        user_name: "User name", "Nom d’utilisateur";
        visibility: "Visibility", "Visibilité";
    }
    counted {
        count_artifacts: "{} artifact" / "{} artifacts", "{} artefact" / "{} artefacts";
        count_layers: "{} layer" / "{} layers", "{} couche" / "{} couches";
        count_namespaces: "{} namespace" / "{} namespaces", "{} espace de noms" / "{} espaces de noms";
        count_pulls: "{} pull" / "{} pulls", "{} téléchargement" / "{} téléchargements";
        count_repositories: "{} repository" / "{} repositories", "{} dépôt" / "{} dépôts";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_same_places_in_every_language() {
        for (name, english, french) in NAMES {
            assert_eq!(
                english.matches("{}").count(),
                french.matches("{}").count(),
                "{name}"
            );
            assert!(!english.is_empty() && !french.is_empty(), "{name}");
        }
    }

    #[test]
    fn numbers_are_written_as_their_readers_do() {
        let written = Language::ALL.map(|language| {
            let counted = &language.texts().count_artifacts;
            (
                language.number(1_234_567),
                language.tenths(12_345),
                counted.of(&0),
                counted.of(&1),
                counted.of(&2000),
            )
        });
        let english = (
            "1,234,567",
            "1,234.5",
            "0 artifacts",
            "1 artifact",
            "2,000 artifacts",
        );
        let french = (
            "1\u{202f}234\u{202f}567",
            "1\u{202f}234,5",
            "0 artefact",
            "1 artefact",
            "2\u{202f}000 artefacts",
        );
        for (written, expected) in written.iter().zip([english, french]) {
            let (whole, tenths, none, one, many) = written;
            assert_eq!(
                (
                    whole.as_str(),
                    tenths.as_str(),
                    none.as_str(),
                    one.as_str(),
                    many.as_str()
                ),
                expected
            );
        }
    }

    #[test]
    fn the_first_language_that_there_is_is_spoken() {
        for (header, expected) in [
            ("", Language::English),
            ("de, fr;q=0.8, en;q=0.5", Language::French),
            ("FR-ca", Language::French),
            ("en-GB,fr", Language::English),
            (";,,-;q", Language::English),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }
}
