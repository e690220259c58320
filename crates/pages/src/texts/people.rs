//! Members, groups, robot accounts, tokens and roles.

texts! {
    plain {
        active: "active", "actif";
        change_robot: "Change", "Modifier";
        days: "Days until it expires", "Jours avant expiration";
        days_hint: "Counted from when it was made; empty for never.", "Comptés depuis sa création ; vide pour jamais.";
        delete_robot: "Delete this robot account", "Supprimer ce compte robot";
        delete_robot_hint: "Programs that use it can no longer log in. That cannot be undone.",
            "Les programmes qui l’utilisent ne peuvent plus se connecter. C’est irréversible.";
        disabled: "switched off", "désactivé";
        every_namespace: "every namespace, also later ones", "tous les espaces de noms, même futurs";
        expired: "expired", "expiré";
        expires_soon: "expires soon:", "expire bientôt :";
        last_used: "Last used", "Dernière utilisation";
        login_hint: "The secret is the password. It is asked for, so that no shell remembers it:",
            "Le secret est le mot de passe. Il est demandé, pour qu’aucun shell ne le retienne :";
        make_robot: "Create robot account", "Créer le compte robot";
        may: "What it may do", "Ce qu’il peut faire";
        may_delete: "Delete artifacts", "Supprimer des artefacts";
        may_in: "May, in", "Droits dans";
        may_not_log_in: "Switched off: it may not log in", "Désactivé : il ne peut pas se connecter";
        may_pull: "Pull", "Télécharger";
        may_push: "Push", "Envoyer";
        may_untag: "Delete tags", "Supprimer des tags";
        more_permissions: "More permissions", "Autres droits";
        name_differs: "That is not its name. Nothing was deleted.", "Ce n’est pas son nom. Rien n’a été supprimé.";
        namespaces_hint: "Their names, with blanks between them.", "Leurs noms, séparés par des espaces.";
        no_days: "The days until it expires are a whole number.", "Le nombre de jours est un nombre entier.";
        place: "Where", "Où";
        robot_name_hint: "Small letters and digits, with single -, _ or . between them. A prefix is put before it.",
            "Minuscules et chiffres, séparés par un seul -, _ ou . Un préfixe est ajouté devant.";
        robots: "Robot accounts", "Comptes robots";
        robots_empty: "There is none yet.", "Il n’y en a pas encore.";
        robots_hint: "A robot account is how a program logs in: a build that pushes, a cluster that pulls. It has a name, a secret, an end, and no more rights than it needs.",
            "Un compte robot permet à un programme de se connecter : une compilation qui envoie, une grappe qui télécharge. Il a un nom, un secret, une fin, et seulement les droits nécessaires.";
        rotate: "Make a new secret", "Créer un nouveau secret";
        rotate_hint: "The secret before stays good for a while, so that it can be replaced wherever it is in use.",
            "L’ancien secret reste valable un moment, pour pouvoir être remplacé partout où il sert.";
        save: "Save", "Enregistrer";
        secret: "Secret", "Secret";
        secret_kept: "I have kept it", "Je l’ai noté";
        secret_once: "It is shown this once. Keep it where your program finds it.", "Il n’est montré qu’une fois. Notez-le là où votre programme le trouve.";
        some_namespaces: "these namespaces:", "ces espaces de noms :";
        state: "State", "État";
        type_name: "Type its whole name to confirm", "Tapez son nom entier pour confirmer";
        until: "until", "jusqu’au";
        all: "all", "tous";
        change_role: "Change the role", "Changer le rôle";
        give_role: "Give a role", "Donner un rôle";
        given: "Given", "Donné";
        group: "group", "groupe";
        make_token: "Create access token", "Créer le jeton d’accès";
        may_do: "May", "Droits";
        members: "Members", "Membres";
        members_account_hint: "Whoever has a role here has it in every namespace of the account. For one namespace, give it there; for many people at once, give it to a group.",
            "Un rôle donné ici vaut dans tous les espaces de noms du compte. Pour un seul, donnez-le là ; pour plusieurs personnes à la fois, donnez-le à un groupe.";
        members_empty: "Nobody has a role of this place yet.", "Personne n’a encore de rôle à cet endroit.";
        members_hint: "Who has a role in this namespace. Roles of the whole account hold here as well.",
            "Qui a un rôle dans cet espace de noms. Les rôles du compte entier valent ici aussi.";
        pattern: "Only repositories like", "Seulement les dépôts comme";
        pattern_hint: "A pattern of their names in the namespace: app-*; empty for all.", "Un motif de leurs noms dans l’espace : app-* ; vide pour tous.";
        revoke: "Revoke", "Révoquer";
        revoke_hint: "Programs that log in with it can no longer do so. That cannot be undone.",
            "Les programmes qui l’utilisent ne peuvent plus se connecter. C’est irréversible.";
        robot: "robot account", "compte robot";
        role: "Role", "Rôle";
        role_hint: "From the strongest to the weakest; the account’s own roles stand at the end.", "Du plus fort au plus faible ; les rôles propres au compte viennent à la fin.";
        take_role: "Take the role", "Retirer le rôle";
        take_role_hint: "It ends at once. It can be given again at any time.", "L’effet est immédiat. Le rôle peut être redonné à tout moment.";
        to_whom: "To whom", "À qui";
        token_days_hint: "Counted from now; empty for never.", "Comptés à partir de maintenant ; vide pour jamais.";
        token_name_hint: "What it is for: a laptop, a script.", "À quoi il sert : un ordinateur, un script.";
        tokens: "Access tokens", "Jetons d’accès";
        tokens_empty: "You have none yet.", "Vous n’en avez pas encore.";
        tokens_hint: "An access token stands in for your password where a program logs in as you. It can do less than you, it can end, and it is taken back alone. For builds and clusters, robot accounts are better: they stay when you go.",
            "Un jeton d’accès remplace votre mot de passe là où un programme se connecte en votre nom. Il peut moins que vous, il peut prendre fin, et se révoque seul. Pour les compilations et les grappes, préférez un compte robot : il reste quand vous partez.";
        user: "user", "utilisateur";
        who_may: "Who may do what here", "Qui peut faire quoi ici";
        whole_account: "the whole account", "le compte entier";
    }
    counted {
        overlap: "The secret before stays good for {} hour." / "The secret before stays good for {} hours.",
            "L’ancien secret reste valable {} heure." / "L’ancien secret reste valable {} heures.";
    }
}
