//! Members, groups, robot accounts, tokens and roles.

texts! {
    plain {
        about_whom: "About", "Au sujet de";
        accept: "Accept", "Accepter";
        account_itself: "the account itself", "le compte lui-même";
        action: "Action", "Action";
        actions: "Actions", "Actions";
        active: "active", "actif";
        administers: "administrator", "administrateur";
        all: "all", "tous";
        allowed: "May", "Peut";
        answer: "Answer", "Réponse";
        ask: "Ask", "Demander";
        audience: "Audience", "Destinataire";
        audience_hint: "For whom the tokens must be made, such as this registry’s address.", "Pour qui les jetons doivent être faits, par exemple l’adresse de ce registre.";
        by_own: "one of the account’s own roles, or a permission of the robot account", "un rôle propre au compte, ou un droit du compte robot";
        by_public: "everyone, since the namespace is public", "tout le monde, car l’espace de noms est public";
        by_request: "a request of an operator that was granted", "une demande d’opérateur acceptée";
        change_own_role_hint: "Whoever has it may do from their next request on what it holds then.", "Ceux qui l’ont peuvent, dès leur prochaine demande, ce qu’il contient alors.";
        change_robot: "Change", "Modifier";
        change_role: "Change the role", "Changer le rôle";
        claims: "Claims", "Revendications";
        claims_hint: "What a token has to say, one a line: repository = acme/*. One * is any run without /, ** any run at all; a claim on several lines is like one of them.",
            "Ce qu’un jeton doit dire, un par ligne : repository = acme/*. Une * est une suite sans /, ** une suite quelconque ; une revendication sur plusieurs lignes doit ressembler à l’une d’elles.";
        comes_from: "Comes from", "Provient de";
        days: "Days until it expires", "Jours avant expiration";
        days_hint: "Counted from when it was made; empty for never.", "Comptés depuis sa création ; vide pour jamais.";
        decline: "Decline", "Refuser";
        delete_group: "Delete this group", "Supprimer ce groupe";
        delete_group_hint: "The roles that its users have by it end at once. That cannot be undone.", "Les rôles que ses utilisateurs tiennent de lui prennent fin aussitôt. C’est irréversible.";
        delete_robot: "Delete this robot account", "Supprimer ce compte robot";
        delete_robot_hint: "Programs that use it can no longer log in. That cannot be undone.",
            "Les programmes qui l’utilisent ne peuvent plus se connecter. C’est irréversible.";
        delete_role: "Delete this role", "Supprimer ce rôle";
        delete_role_hint: "Only a role that nobody has is deleted. That cannot be undone.", "Seul un rôle que personne n’a peut être supprimé. C’est irréversible.";
        delete_trust_rule: "Delete this trust rule", "Supprimer cette règle de confiance";
        delete_trust_rule_hint: "Whoever is trusted by it can no longer log in. That cannot be undone.",
            "Ceux à qui elle fait confiance ne peuvent plus se connecter. C’est irréversible.";
        delete_user: "Delete this user", "Supprimer cet utilisateur";
        delete_user_hint: "Its roles and access tokens go with it. What it pushed stays. That cannot be undone.",
            "Ses rôles et ses jetons d’accès disparaissent. Ce qu’il a envoyé reste. C’est irréversible.";
        denied: "May not", "Ne peut pas";
        disable: "Switch off", "Désactiver";
        disable_hint: "This user can no longer log in, and every session ends. It can be switched on again at any time.",
            "Cet utilisateur ne peut plus se connecter, et ses sessions prennent fin. Il peut être réactivé à tout moment.";
        disabled: "switched off", "désactivé";
        email: "Email", "Adresse électronique";
        enable: "Switch on", "Réactiver";
        enable_hint: "This user can log in again, with the roles it had.", "Cet utilisateur peut de nouveau se connecter, avec les rôles qu’il avait.";
        every_namespace: "every namespace, also later ones", "tous les espaces de noms, même futurs";
        every_namespace_now: "every namespace", "tous les espaces de noms";
        expired: "expired", "expiré";
        expires_soon: "expires soon:", "expire bientôt :";
        first_password: "First password", "Premier mot de passe";
        give_role: "Give a role", "Donner un rôle";
        given: "Given", "Donné";
        given_by: "Given by", "Donné par";
        group: "group", "groupe";
        group_elsewhere: "Who is in it is decided where it comes from:", "Ses membres sont décidés là d’où il provient :";
        group_empty: "Nobody is in it.", "Personne n’en fait partie.";
        groups: "Groups", "Groupes";
        groups_hint: "A role that is given to a group is everyone’s in it. Groups are made here, or come with people who sign in elsewhere.",
            "Un rôle donné à un groupe est celui de tous ses membres. Les groupes sont créés ici, ou arrivent avec ceux qui se connectent ailleurs.";
        in_repository: "In this repository", "Dans ce dépôt";
        in_repository_hint: "Its name in the namespace; empty for the whole namespace.", "Son nom dans l’espace de noms ; vide pour l’espace entier.";
        invitations: "Invitations", "Invitations";
        invitations_empty: "Nobody is invited at the moment.", "Personne n’est invité en ce moment.";
        invitations_hint: "Whoever has a user elsewhere in this registry keeps it, and becomes a member here by accepting. Until then nothing changes.",
            "Qui a déjà un utilisateur ailleurs dans ce registre le garde et devient membre ici en acceptant. D’ici là, rien ne change.";
        invite: "Invite", "Inviter";
        invite_hint: "As it is written when signing in. Whether there is such a user is not told here.",
            "Comme il s’écrit pour se connecter. On ne dit pas ici si cet utilisateur existe.";
        invite_namespace_hint: "The role is for this namespace; empty for the whole account.",
            "Le rôle vaut pour cet espace de noms ; vide pour le compte entier.";
        invited_by: "Invited by", "Invité par";
        issuer: "Issuer", "Émetteur";
        issuer_hint: "Its address, exactly as the tokens have it.", "Son adresse, exactement comme dans les jetons.";
        last_used: "Last used", "Dernière utilisation";
        login_hint: "The secret is the password. It is asked for, so that no shell remembers it:",
            "Le secret est le mot de passe. Il est demandé, pour qu’aucun shell ne le retienne :";
        make_group: "Create group", "Créer le groupe";
        make_robot: "Create robot account", "Créer le compte robot";
        make_role: "Create role", "Créer le rôle";
        make_token: "Create access token", "Créer le jeton d’accès";
        make_trust_rule: "Create trust rule", "Créer la règle de confiance";
        make_user: "Create user", "Créer l’utilisateur";
        may: "What it may do", "Ce qu’il peut faire";
        may_delete: "Delete artifacts", "Supprimer des artefacts";
        may_do: "May", "Droits";
        may_in: "May, in", "Droits dans";
        may_not_log_in: "Switched off: it may not log in", "Désactivé : il ne peut pas se connecter";
        may_pull: "Pull", "Télécharger";
        may_push: "Push", "Envoyer";
        may_untag: "Delete tags", "Supprimer des tags";
        members: "Members", "Membres";
        members_account_hint: "Whoever has a role here has it in every namespace of the account. For one namespace, give it there; for many people at once, give it to a group.",
            "Un rôle donné ici vaut dans tous les espaces de noms du compte. Pour un seul, donnez-le là ; pour plusieurs personnes à la fois, donnez-le à un groupe.";
        members_empty: "Nobody has a role of this place yet.", "Personne n’a encore de rôle à cet endroit.";
        members_hint: "Who has a role in this namespace. Roles of the whole account hold here as well.",
            "Qui a un rôle dans cet espace de noms. Les rôles du compte entier valent ici aussi.";
        more_permissions: "More permissions", "Autres droits";
        name_differs: "That is not its name. Nothing was deleted.", "Ce n’est pas son nom. Rien n’a été supprimé.";
        namespaces_hint: "Their names, with blanks between them.", "Leurs noms, séparés par des espaces.";
        no_claim: "A claim is written as: name = pattern.", "Une revendication s’écrit : nom = motif.";
        no_days: "The days until it expires are a whole number.", "Le nombre de jours est un nombre entier.";
        no_role: "There is no such role here.", "Ce rôle n’existe pas ici.";
        not_active: "It may not log in at present: it may do nothing.", "Il ne peut pas se connecter à présent : il ne peut rien faire.";
        nothing: "Nothing.", "Rien.";
        open_days: "Open for so many days", "Ouverte pendant tant de jours";
        open_days_hint: "A number of days, from 1 to 30.", "Un nombre de jours, de 1 à 30.";
        open_until: "Open until", "Ouverte jusqu’au";
        own_group: "this account", "ce compte";
        own_invitations: "Your invitations", "Vos invitations";
        own_invitations_empty: "No account invites you at the moment.", "Aucun compte ne vous invite en ce moment.";
        own_invitations_hint: "Accounts that would have you as a member. Accepting gives you the role there; your user and your other accounts stay as they are.",
            "Les comptes qui voudraient de vous comme membre. Accepter vous y donne le rôle ; votre utilisateur et vos autres comptes restent tels quels.";
        pattern: "Only repositories like", "Seulement les dépôts comme";
        pattern_hint: "A pattern of their names in the namespace: app-*; empty for all.", "Un motif de leurs noms dans l’espace : app-* ; vide pour tous.";
        people: "People", "Personnes";
        place: "Where", "Où";
        put_in: "Add a user", "Ajouter un utilisateur";
        real_name: "Real name", "Nom réel";
        remove_user: "Take out of this account", "Retirer de ce compte";
        remove_user_hint: "Its roles here go with it; elsewhere it stays what it is. An invitation brings it back.",
            "Ses rôles ici disparaissent ; ailleurs, il reste ce qu’il est. Une invitation le ramène.";
        reset: "Set another password", "Définir un autre mot de passe";
        reset_hint: "For somebody who has lost theirs. All sessions end, access tokens go on: if somebody else had the password, revoke them at the machine. Hand the new one over safely, to be changed at once.",
            "Pour quelqu’un qui a perdu le sien. Toutes les sessions prennent fin, les jetons d’accès restent valables : si quelqu’un d’autre avait le mot de passe, révoquez-les sur la machine. Transmettez le nouveau en sûreté, pour qu’il soit changé aussitôt.";
        revoke: "Revoke", "Révoquer";
        revoke_hint: "Programs that log in with it can no longer do so. That cannot be undone.",
            "Les programmes qui l’utilisent ne peuvent plus se connecter. C’est irréversible.";
        robot: "robot account", "compte robot";
        robot_name_hint: "Small letters and digits, with single -, _ or . between them. A prefix is put before it.",
            "Minuscules et chiffres, séparés par un seul -, _ ou . Un préfixe est ajouté devant.";
        robots: "Robot accounts", "Comptes robots";
        robots_empty: "There is none yet.", "Il n’y en a pas encore.";
        robots_hint: "A robot account is how a program logs in: a build that pushes, a cluster that pulls. It has a name, a secret, an end, and no more rights than it needs.",
            "Un compte robot permet à un programme de se connecter : une compilation qui envoie, une grappe qui télécharge. Il a un nom, un secret, une fin, et seulement les droits nécessaires.";
        role: "Role", "Rôle";
        role_hint: "From the strongest to the weakest; the account’s own roles stand at the end.", "Du plus fort au plus faible ; les rôles propres au compte viennent à la fin.";
        role_name_hint: "Small letters, digits and hyphens.", "Minuscules, chiffres et traits d’union.";
        roles: "Own roles", "Rôles propres";
        roles_hint: "Where no role that every account has fits, a role of your own holds exactly the actions that you choose.",
            "Quand aucun rôle commun à tous les comptes ne convient, un rôle propre contient exactement les actions choisies.";
        rotate: "Make a new secret", "Créer un nouveau secret";
        rotate_hint: "The secret before stays good for a while, so that it can be replaced wherever it is in use.",
            "L’ancien secret reste valable un moment, pour pouvoir être remplacé partout où il sert.";
        save: "Save", "Enregistrer";
        secret: "Secret", "Secret";
        secret_kept: "I have kept it", "Je l’ai noté";
        secret_once: "It is shown this once. Keep it where your program finds it.", "Il n’est montré qu’une fois. Notez-le là où votre programme le trouve.";
        some_namespaces: "these namespaces:", "ces espaces de noms :";
        state: "State", "État";
        take_back: "Take back", "Retirer";
        take_out: "Take out", "Retirer";
        take_role: "Take the role", "Retirer le rôle";
        take_role_hint: "It ends at once. It can be given again at any time.", "L’effet est immédiat. Le rôle peut être redonné à tout moment.";
        to_whom: "To whom", "À qui";
        token_days_hint: "Counted from now; empty for never.", "Comptés à partir de maintenant ; vide pour jamais.";
        token_name_hint: "What it is for: a laptop, a script.", "À quoi il sert : un ordinateur, un script.";
        tokens: "Access tokens", "Jetons d’accès";
        tokens_empty: "You have none yet.", "Vous n’en avez pas encore.";
        tokens_hint: "An access token stands in for your password where a program logs in as you. It can do less than you, it can end, and it is taken back alone. For builds and clusters, robot accounts are better: they stay when you go.",
            "Un jeton d’accès remplace votre mot de passe là où un programme se connecte en votre nom. Il peut moins que vous, il peut prendre fin, et se révoque seul. Pour les compilations et les grappes, préférez un compte robot : il reste quand vous partez.";
        trust_name_hint: "Small letters and digits, with single -, _ or . between them. It stands in the audit log.",
            "Minuscules et chiffres, séparés par un seul -, _ ou . Il figure dans le journal d’audit.";
        trust_rules: "Trust rules", "Règles de confiance";
        trust_rules_hint: "A trust rule lets a job of a build system log in with the token that the system itself gives it: there is no secret to keep or to lose.",
            "Une règle de confiance laisse une tâche d’un système de compilation se connecter avec le jeton que ce système lui donne : aucun secret à garder ni à perdre.";
        trusts_nobody: "Switched off: it trusts nobody", "Désactivée : elle ne fait confiance à personne";
        type_name: "Type its whole name to confirm", "Tapez son nom entier pour confirmer";
        until: "until", "jusqu’au";
        user: "user", "utilisateur";
        user_guest: "This user belongs to another account, which decides about it. Here it has what roles give it.",
            "Cet utilisateur appartient à un autre compte, qui décide de lui. Ici, il a ce que ses rôles lui donnent.";
        users: "Users", "Utilisateurs";
        users_hint: "Who signs in. A user may do nothing until it gets a role, here or in a namespace.",
            "Qui se connecte. Un utilisateur ne peut rien faire avant d’avoir un rôle, ici ou dans un espace de noms.";
        who_may: "Who may do what here", "Qui peut faire quoi ici";
        who_may_hint: "The registry answers as it would answer a request of theirs. Roles of groups and what is public are counted; network rules are not.",
            "Le registre répond comme il répondrait à une demande de leur part. Les rôles des groupes et ce qui est public comptent ; les règles de réseau, non.";
        whole_account: "the whole account", "le compte entier";
    }
    counted {
        overlap: "The secret before stays good for {} hour." / "The secret before stays good for {} hours.",
            "L’ancien secret reste valable {} heure." / "L’ancien secret reste valable {} heures.";
    }
}
