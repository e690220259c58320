//! What an account decides about itself: mail, sinks, identity sources, addresses, collections.

texts! {
    plain {
        access_key: "Access key", "Clé d’accès";
        access_secret: "The access key’s secret", "Secret de la clé d’accès";
        add_address: "Add address", "Ajouter l’adresse";
        added_by: "Added by", "Ajoutée par";
        address_automatic: "by the account’s name", "par le nom du compte";
        address_claimed: "to be proved", "à prouver";
        address_own: "the account’s own", "propre au compte";
        addresses: "Addresses and certificates", "Adresses et certificats";
        addresses_empty: "This account is reached on the registry’s shared address. An address of its own is a host name that you have: images are named by it, and only this account is there.",
            "Ce compte est joint à l’adresse commune du registre. Une adresse propre est un nom d’hôte que vous avez : les images portent ce nom, et seul ce compte s’y trouve.";
        addresses_hint: "Under which host names this account is reached, and the certificate that clients see there.",
            "Les noms d’hôte sous lesquels ce compte est joint, et le certificat que les clients y voient.";
        admin_group: "Administrators’ group", "Groupe des administrateurs";
        admin_group_hint: "Whoever is in it administers this account; empty for nobody.", "Ses membres administrent ce compte ; vide pour personne.";
        ask_again: "Send another code", "Envoyer un autre code";
        ask_again_this: "Send another code to {}", "Envoyer un autre code à {}";
        asked: "has not agreed yet", "n’a pas encore accepté";
        authorities: "Authorities to believe", "Autorités à croire";
        authorities_hint: "Certificates in PEM; empty for those of the system.", "Certificats au format PEM ; vide pour ceux du système.";
        authorization: "Authorization", "Autorisation";
        base_dn: "Base of people", "Base des personnes";
        base_dn_hint: "The entry below which people are: ou=people,dc=example,dc=com.", "L’entrée sous laquelle sont les personnes : ou=people,dc=example,dc=com.";
        begins: "Valid from", "Valable dès";
        believes_anybody: "Believe any certificate (whoever is in between can read along)", "Croire n’importe quel certificat (un intermédiaire peut lire)";
        bind_dn: "Bind as", "S’identifier comme";
        bind_dn_hint: "As whom the registry looks for people; empty for as nobody.", "Au nom de qui le registre cherche les personnes ; vide pour personne.";
        bind_password: "Password for that", "Mot de passe pour cela";
        blobs: "Blobs", "Blobs";
        bucket: "Bucket", "Seau";
        button_text: "Text of the button", "Texte du bouton";
        button_text_hint: "What people read where they sign in; empty for the name.", "Ce qu’on lit en se connectant ; vide pour le nom.";
        by_itself: "By itself", "De lui-même";
        by_page: "Or by a page on a web server", "Ou par une page sur un serveur web";
        by_record: "By a DNS record", "Par un enregistrement DNS";
        by_schedule: "by its times", "selon ses horaires";
        caught_up: "caught up", "à jour";
        certificate: "Certificate", "Certificat";
        certificate_ended: "has ended", "expiré";
        certificate_ending: "the certificate of an address ends soon", "le certificat d’une adresse expire bientôt";
        certificate_good: "valid", "valable";
        certificate_of_deployment: "the registry’s own", "celui du registre";
        certificates_ending: "A certificate has ended, or does so soon.", "Un certificat a expiré, ou expire bientôt.";
        chain: "Certificate with its issuers", "Certificat et ses émetteurs";
        chain_hint: "In PEM: the host’s own first, then those of its issuers.", "Au format PEM : celui de l’hôte d’abord, puis ceux de ses émetteurs.";
        change: "Change", "Modifier";
        changed: "Changed", "Modifié";
        check_page: "Look for the page", "Chercher la page";
        check_record: "Look for the record", "Chercher l’enregistrement";
        choose_kind: "Choose what receives the log.", "Choisissez ce qui reçoit le journal.";
        choose_source: "Choose where people are known.", "Choisissez où les personnes sont connues.";
        client_id: "Client id", "Identifiant du client";
        client_id_hint: "Who the registry is there.", "Qui est le registre là-bas.";
        client_secret: "Client secret", "Secret du client";
        code: "Code from the mail", "Code reçu par courrier";
        code_hint: "Whoever reads the address got it, and may also send it without signing in, as the mail says.",
            "Qui lit l’adresse l’a reçu, et peut aussi l’envoyer sans se connecter, comme le dit le message.";
        code_until: "its code is good until", "son code est valable jusqu’au";
        collect: "Collect now", "Ramasser maintenant";
        collect_dry: "Only count", "Seulement compter";
        collections: "Garbage collection", "Ramassage des déchets";
        collections_hint: "Storage that nothing needs any more is given back by itself. Here you have it done now, and see what that freed.",
            "Le stockage dont plus rien n’a besoin est rendu de lui-même. Ici, vous le demandez tout de suite et voyez ce que cela a libéré.";
        collections_last: "The last one freed {}.", "Le dernier a libéré {}.";
        collections_none: "None was asked for yet.", "Aucun n’a encore été demandé.";
        collector: "OpenTelemetry collector", "Collecteur OpenTelemetry";
        confirm: "Confirm", "Confirmer";
        content_hint: "with this text:", "avec ce texte :";
        delete_address: "Give this address up", "Abandonner cette adresse";
        delete_address_hint: "Clients that use it no longer find this account there, and its certificate goes with it. What is in the account stays.",
            "Les clients qui l’utilisent n’y trouvent plus ce compte, et son certificat disparaît avec elle. Le contenu du compte reste.";
        delete_certificate: "Give the certificate up", "Abandonner le certificat";
        delete_certificate_hint: "Clients see the registry’s own certificate there again, which may not be for this name. The key is forgotten.",
            "Les clients y voient de nouveau le certificat du registre, qui n’est peut-être pas fait pour ce nom. La clé est oubliée.";
        delete_sink: "Delete this sink", "Supprimer cette destination";
        delete_sink_hint: "Nothing more is sent there. What it was not sent yet stays in the log. That cannot be undone.",
            "Plus rien n’y est envoyé. Ce qui ne l’a pas encore été reste dans le journal. C’est irréversible.";
        delete_source: "Delete this source", "Supprimer cette source";
        delete_source_hint: "Its people can no longer sign in by it. What they pushed stays. That cannot be undone.",
            "Ses personnes ne peuvent plus se connecter par elle. Ce qu’elles ont envoyé reste. C’est irréversible.";
        empty_for_none: "Empty for none.", "Vide pour aucun.";
        ends: "until", "jusqu’au";
        failing: "failing", "en échec";
        fingerprint: "Fingerprint (SHA-256)", "Empreinte (SHA-256)";
        format: "What is sent", "Ce qui est envoyé";
        freed: "Freed", "Libéré";
        group_base_dn: "Base of groups", "Base des groupes";
        group_base_dn_hint: "The entry below which groups are; empty when groups do not matter.", "L’entrée sous laquelle sont les groupes ; vide si les groupes n’importent pas.";
        group_filter: "Filter for groups", "Filtre des groupes";
        group_filter_hint: "What entries of groups are like, such as (objectClass=groupOfNames).", "À quoi ressemblent les entrées des groupes, comme (objectClass=groupOfNames).";
        group_name_attribute: "Attribute of a group’s name", "Attribut du nom d’un groupe";
        group_name_attribute_hint: "Such as cn.", "Comme cn.";
        groups_claim: "Claim with groups", "Revendication des groupes";
        host: "Host name", "Nom d’hôte";
        host_hint: "Such as registry.example.com. It leads here once you have proved that it is yours.", "Comme registry.example.com. Il mène ici une fois prouvé qu’il est à vous.";
        https: "HTTPS", "HTTPS";
        in_use: "in use", "en service";
        issued_by: "Issued by", "Émis par";
        issuer_hint: "Its URL, exactly as its tokens have it. It cannot be changed later.", "Son URL, exactement comme dans ses jetons. Elle ne peut être changée ensuite.";
        job_failed: "a job has failed", "une tâche a échoué";
        key: "Private key", "Clé privée";
        key_hint: "In PEM, without a password. It is kept sealed and never shown again.", "Au format PEM, sans mot de passe. Elle est conservée scellée et n’est plus jamais montrée.";
        last_collections: "The last ones", "Les derniers";
        last_sent: "the last one", "le dernier";
        ldap: "LDAP directory", "Annuaire LDAP";
        mail: "Mail", "Courrier";
        mail_attribute: "Attribute with the email address", "Attribut de l’adresse électronique";
        mail_empty: "Nobody is told yet. Add an address: whoever reads it gets a code, and is told once it is confirmed.",
            "Personne n’est encore prévenu. Ajoutez une adresse : qui la lit reçoit un code, et sera prévenu une fois celui-ci confirmé.";
        mail_failing: "Mail could not be sent lately.", "Le courrier n’a pas pu être envoyé récemment.";
        mail_hint: "Who is told by mail when something here needs somebody.", "Qui est prévenu par courrier quand quelque chose ici demande quelqu’un.";
        mail_paused: "stopped, since the mail server failed for a day", "arrêté, car le serveur de courrier a échoué pendant un jour";
        make_address: "Add address", "Ajouter l’adresse";
        make_sink: "Create sink", "Créer la destination";
        make_source: "Add source", "Ajouter la source";
        manifests: "Manifests", "Manifestes";
        membership_attribute: "Attribute with a person’s groups", "Attribut des groupes d’une personne";
        membership_attribute_hint: "Such as memberOf; empty when groups list their members instead.", "Comme memberOf ; vide si ce sont les groupes qui listent leurs membres.";
        metrics_failing: "Metrics are not taken", "Les métriques ne sont pas acceptées";
        metrics_too: "Send the account’s metrics once a minute, too (the URL ends in /v1/logs)", "Envoyer aussi les métriques du compte chaque minute (l’URL finit par /v1/logs)";
        missed: "Purged before they were sent", "Purgés avant d’être envoyés";
        name_attribute: "Attribute of the user name", "Attribut du nom d’utilisateur";
        name_attribute_hint: "With which people sign in, such as uid.", "Avec lequel on se connecte, comme uid.";
        name_claim: "Claim with the user name", "Revendication du nom d’utilisateur";
        name_claim_hint: "It names a user who comes for the first time.", "Elle nomme un utilisateur qui vient pour la première fois.";
        names: "For", "Pour";
        new_address: "New address", "Nouvelle adresse";
        new_address_hint: "Only the address, without a name. It gets a code, and nothing else until that is confirmed.",
            "L’adresse seule, sans nom. Elle reçoit un code, et rien d’autre avant sa confirmation.";
        next_collection: "The next one:", "Le prochain :";
        no_certificate: "Clients see the registry’s own certificate here. Give this name one of its own if that one is not for it.",
            "Les clients voient ici le certificat du registre. Donnez-en un propre à ce nom si celui-là ne lui convient pas.";
        no_secret: "Have none from now on", "Ne plus en avoir";
        oidc: "OpenID Connect", "OpenID Connect";
        onboards: "Whoever comes first becomes a user", "Qui vient pour la première fois devient utilisateur";
        page_hint: "Let the web server of this host answer by plain HTTP at", "Faites répondre le serveur web de cet hôte, en HTTP simple, à";
        place: "Where", "Où";
        proof: "Prove that it is yours", "Prouver qu’elle est à vous";
        proof_hint: "Until then nothing leads here. Do one of the two; once it is seen it may go again.",
            "D’ici là, rien ne mène ici. Faites l’une des deux choses ; une fois vue, elle peut disparaître.";
        proof_until: "It counts until", "Cela compte jusqu’au";
        put_certificate: "Use this certificate", "Utiliser ce certificat";
        quota_exceeded: "a push was refused by a quota", "un envoi a été refusé par un quota";
        receiver: "Receiver", "Destinataire";
        record_hint: "Add a record of type TXT at", "Ajoutez un enregistrement de type TXT à";
        refused: "refused by the mail server", "refusée par le serveur de courrier";
        region: "Region", "Région";
        remove: "Remove", "Retirer";
        remove_address_hint: "It gets no more mail. Added again, it has to agree again.", "Elle ne reçoit plus de courrier. Ajoutée de nouveau, elle devra de nouveau accepter.";
        remove_this: "Remove {}", "Retirer {}";
        resume: "Go on", "Reprendre";
        scope: "How far below the base", "Jusqu’où sous la base";
        scope_base: "the entry itself", "l’entrée elle-même";
        scope_one: "one step below", "un niveau en dessous";
        scope_sub: "everything below", "tout ce qui est en dessous";
        scopes: "Scopes", "Portées";
        scopes_hint: "What is asked for beside the identity, with blanks between.", "Ce qui est demandé en plus de l’identité, séparé par des espaces.";
        secret_hint: "It is kept sealed and never shown again; empty for none.", "Il est conservé scellé et n’est plus jamais montré ; vide pour aucun.";
        secret_kept: "It is not shown. Empty: it stays as it is.", "Il n’est pas montré. Vide : il reste tel quel.";
        secret_stays: "It is not shown. Empty: it stays as it is. Another host needs it anew.", "Il n’est pas montré. Vide : il reste tel quel. Un autre hôte le demande de nouveau.";
        sends_now: "Send events", "Envoyer les événements";
        sent_events: "Events sent", "Événements envoyés";
        sent_mails: "Mails sent", "Messages envoyés";
        settings: "Settings", "Réglages";
        sink_paused: "a sink was stopped because it failed for a day", "une destination a été arrêtée après un jour d’échecs";
        sink_stopped: "stopped after a day of failures", "arrêtée après un jour d’échecs";
        sinks: "Sinks", "Destinations du journal";
        sinks_empty: "The log stays here. A sink sends each event on, in order and at least once, to where you watch and keep such things.",
            "Le journal reste ici. Une destination transmet chaque événement, dans l’ordre et au moins une fois, là où vous surveillez et gardez ces choses.";
        sinks_hint: "Other places to which this account’s log goes, event by event, such as a SIEM or a bucket.",
            "D’autres lieux où va le journal de ce compte, événement par événement, comme un SIEM ou un seau.";
        skip: "Leave out what happened meanwhile", "Omettre ce qui s’est passé entre-temps";
        source_fails: "People could not sign in by it:", "On ne pourrait pas se connecter par elle :";
        source_off: "Let nobody sign in by it at present", "Ne laisser personne se connecter par elle pour l’instant";
        source_works: "It answers as it should: people can sign in by it.", "Elle répond comme il faut : on peut se connecter par elle.";
        sources: "Identity sources", "Sources d’identité";
        sources_empty: "There is none: people sign in with a password of this registry. A source lets them use the account that they have elsewhere, and brings their groups along.",
            "Il n’y en a pas : on se connecte avec un mot de passe de ce registre. Une source permet d’utiliser le compte que l’on a ailleurs, et en apporte les groupes.";
        sources_hint: "How people sign in with what they have elsewhere: an OpenID Connect issuer, or an LDAP directory.",
            "Comment on se connecte avec ce que l’on a ailleurs : un émetteur OpenID Connect, ou un annuaire LDAP.";
        starts_tls: "Begin TLS on a plain connection (ldap://)", "Passer en TLS sur une connexion simple (ldap://)";
        state: "State", "État";
        stop_collection: "Stop the collection {}", "Arrêter le ramassage {}";
        storage_warning: "the storage of the plan is nearly full", "le stockage de la formule est presque plein";
        subject: "Subject", "Sujet";
        switched_off: "switched off", "désactivée";
        syslog: "Syslog", "Syslog";
        takes_untagged: "Also what has no tag, and nothing with a tag holds", "Aussi ce qui n’a pas de tag et que rien de tagué ne retient";
        takes_untagged_hint: "It goes to the trash first, if the account keeps one.", "Cela va d’abord à la corbeille, si le compte en garde une.";
        tell_when: "Mail is sent when", "Un message est envoyé quand";
        told: "is told", "est prévenue";
        told_of: "What is told", "Ce qui est annoncé";
        trial_hint: "Sends one event that says that it is a trial.", "Envoie un événement qui dit être un essai.";
        trial_not_taken: "The receiver did not take the trial:", "Le destinataire n’a pas accepté l’essai :";
        trial_taken: "The receiver took the trial.", "Le destinataire a accepté l’essai.";
        try_it: "Try it", "Essayer";
        try_source_hint: "Asks it what signing in would ask. Nobody is signed in, and nothing changes.", "Lui demande ce que demanderait une connexion. Personne n’est connecté, et rien ne change.";
        uploads: "Uploads", "Envois inachevés";
        url_of_bucket: "https://STORE/BUCKET, perhaps with a prefix behind it.", "https://STOCKAGE/SEAU, éventuellement suivi d’un préfixe.";
        url_of_collector: "https://HOST/v1/logs", "https://HÔTE/v1/logs";
        url_of_directory: "ldaps://HOST, or ldap://HOST.", "ldaps://HÔTE, ou ldap://HÔTE.";
        url_of_https: "https://HOST/PATH; events come there by POST, many at once.", "https://HÔTE/CHEMIN ; les événements y arrivent par POST, plusieurs à la fois.";
        url_of_syslog: "syslogs://HOST:PORT over TLS, or syslog://HOST:PORT.", "syslogs://HÔTE:PORT par TLS, ou syslog://HÔTE:PORT.";
        url_stays: "Only its host is shown. Empty: it stays as it is.", "Seul son hôte est montré. Vide : elle reste telle quelle.";
        user_filter: "Filter for people", "Filtre des personnes";
        user_filter_hint: "What entries of people are like.", "À quoi ressemblent les entrées des personnes.";
        was_dry: "only counted", "seulement compté";
        webhook_paused: "a webhook was stopped because it failed for a day", "un webhook a été arrêté après un jour d’échecs";
        where_to: "URL", "URL";
        who_is_told: "Who is told", "Qui est prévenu";
        with_untagged: "with what has no tag", "avec ce qui n’a pas de tag";
    }
    counted {
        addresses_claimed: "{} is to be proved." / "{} are to be proved.", "{} est à prouver." / "{} sont à prouver.";
        addresses_count: "{} address." / "{} addresses.", "{} adresse." / "{} adresses.";
        behind: "{} event behind" / "{} events behind", "{} événement de retard" / "{} événements de retard";
        certificate_soon: "ends in {} day" / "ends in {} days", "expire dans {} jour" / "expire dans {} jours";
        mail_others: "{} is not." / "{} are not.", "{} ne l’est pas." / "{} ne le sont pas.";
        mail_told: "{} address is told." / "{} addresses are told.", "{} adresse est prévenue." / "{} adresses sont prévenues.";
        sinks_count: "{} sink." / "{} sinks.", "{} destination." / "{} destinations.";
        sinks_failing: "{} is failing." / "{} are failing.", "{} est en échec." / "{} sont en échec.";
        sources_count: "{} source, beside passwords of this registry." / "{} sources, beside passwords of this registry.",
            "{} source, outre les mots de passe de ce registre." / "{} sources, outre les mots de passe de ce registre.";
    }
}
