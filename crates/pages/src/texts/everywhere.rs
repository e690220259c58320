//! What several parts of the console say, and its first pages.

texts! {
    parts { content operator people policies settings work }
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
        attention: "To look at", "À regarder";
        back_home: "Back to the beginning", "Retour au début";
        build_step: "Build step", "Étape de construction";
        change_password: "Change password", "Changer le mot de passe";
        clear: "Clear", "Effacer";
        command_line: "Command", "Commande";
        configuration: "Configuration", "Configuration";
        copied: "Copied", "Copié";
        copy: "Copy", "Copier";
        created: "Created", "Créé";
        deleted: "Deleted.", "Supprimé.";
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
        figures: "Figures", "Chiffres";
        first_push: "Push a first image", "Envoyer une première image";
        first_push_hint: "These lines log in, name an image that you have, and push it. This page shows it as soon as it is here.",
            "Ces lignes ouvrent une session, nomment une image que vous avez et l’envoient. Cette page la montre dès qu’elle est là.";
        first_push_waiting: "Waiting for the first push …", "En attente du premier envoi …";
        full_in: "At the pace of the last days the limit is reached in about {} days.",
            "Au rythme de ces derniers jours, la limite sera atteinte dans {} jours environ.";
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
        pulls_near: "{} % of what may be pulled in a month was pulled.", "{} % de ce qui peut être téléchargé en un mois l’a été.";
        pulls: "Pulls", "Téléchargements";
        pulls_and_pushes: "Pulls and pushes by day", "Téléchargements et envois par jour";
        pushed: "Pushed", "Envoyé";
        pushes: "Pushes", "Envois";
        repositories: "Repositories", "Dépôts";
        repository: "Repository", "Dépôt";
        robot_expired: "The robot account {} has expired:", "Le compte robot {} a expiré :";
        robot_expires: "The robot account {} expires:", "Le compte robot {} expire :";
        saved: "Saved.", "Enregistré.";
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
        sink_fails: "The receiver of the sink {} does not take events.", "Le récepteur de la destination {} n’accepte pas les événements.";
        size: "Size", "Taille";
        storage: "Storage", "Stockage";
        storage_by_day: "Storage by day", "Stockage par jour";
        storage_limit: "Limit", "Limite";
        storage_near: "{} % of the storage is used.", "{} % du stockage est utilisé.";
        storage_of: "{} of ", "{} sur ";
        tags: "Tags", "Tags";
        time: "Time", "Temps";
        untagged: "untagged", "sans tag";
        updated: "Updated", "Modifié";
        user_name: "User name", "Nom d’utilisateur";
        visibility: "Visibility", "Visibilité";
    }
    counted {
        count_artifacts: "{} artifact" / "{} artifacts", "{} artefact" / "{} artefacts";
        count_layers: "{} layer" / "{} layers", "{} couche" / "{} couches";
        count_more: "{} more" / "{} more", "{} autre" / "{} autres";
        count_namespaces: "{} namespace" / "{} namespaces", "{} espace de noms" / "{} espaces de noms";
        count_pulls: "{} pull" / "{} pulls", "{} téléchargement" / "{} téléchargements";
        failed_jobs: "{} job failed in the last week." / "{} jobs failed in the last week.", "{} tâche a échoué cette dernière semaine." / "{} tâches ont échoué cette dernière semaine.";
        count_repositories: "{} repository" / "{} repositories", "{} dépôt" / "{} dépôts";
    }
}
