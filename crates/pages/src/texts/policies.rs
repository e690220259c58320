//! Retention: what stays, and what goes.

texts! {
    plain {
        action_keep: "always keep", "toujours garder";
        action_remove: "remove all but", "supprimer tout sauf";
        action_retain: "keep, and remove the rest", "garder, et supprimer le reste";
        add_rule: "Add a rule", "Ajouter une règle";
        all_of_them: "all", "tous";
        artifacts_go: "go", "partent";
        artifacts_stay: "stay", "restent";
        by_hand: "by hand only", "à la main seulement";
        count: "How many", "Combien";
        daily: "every night (UTC)", "chaque nuit (UTC)";
        days_since_pull: "pulled in the last … days", "téléchargés ces … derniers jours";
        days_since_push: "pushed in the last … days", "envoyés ces … derniers jours";
        dry_run: "Dry run", "Essai à blanc";
        excludes: "all except these", "tous sauf ceux-ci";
        goes: "goes", "part";
        hourly: "every hour", "chaque heure";
        latest_active: "the … pushed or pulled last", "les … derniers envoyés ou téléchargés";
        latest_pulled: "the … pulled last", "les … derniers téléchargés";
        latest_pushed: "the … pushed last", "les … derniers envoyés";
        none_of_them: "none", "aucun";
        not_whole: "Only some of the artifacts were looked at. A dry run looks at all.", "Seule une partie des artefacts a été examinée. Un essai à blanc les examine tous.";
        own_schedule: "its own times:", "ses propres horaires :";
        picks: "Which artifacts", "Quels artefacts";
        preview: "Preview", "Aperçu";
        preview_hint: "What the rules would do now, as they stand in the form. Nothing is removed.",
            "Ce que les règles feraient maintenant, telles qu’elles sont dans le formulaire. Rien n’est supprimé.";
        reason: "Why", "Pourquoi";
        remove_rule: "Remove this rule", "Retirer cette règle";
        repositories_about: "Repositories (* stands for anything; empty for all)", "Dépôts (* pour n’importe quoi ; vide pour tous)";
        result: "Result", "Résultat";
        retention: "Retention", "Rétention";
        retention_hint: "Old artifacts go by themselves, to the trash, by rules. What nothing is said about stays. Try them here before you save them.",
            "Les vieux artefacts partent d’eux-mêmes à la corbeille, selon des règles. Ce dont rien n’est dit reste. Essayez-les ici avant de les enregistrer.";
        rule: "Rule {}", "Règle {}";
        rule_off: "Switched off", "Désactivée";
        rule_sealed: "This rule says more than this form can show. It stays as it is; the API changes it.",
            "Cette règle dit plus que ce formulaire ne peut montrer. Elle reste telle quelle ; l’API la modifie.";
        run_done: "done", "terminé";
        run_failed: "failed", "échoué";
        run_now: "Run now", "Exécuter maintenant";
        run_queued: "waiting", "en attente";
        run_running: "running", "en cours";
        run_stopped: "stopped", "arrêté";
        runs: "Runs", "Exécutions";
        runs_empty: "The rules never ran.", "Les règles n’ont jamais été exécutées.";
        save: "Save", "Enregistrer";
        schedule: "When", "Quand";
        started: "Started.", "Lancé.";
        stays: "stays", "reste";
        stop: "Stop", "Arrêter";
        stopped: "Stopped. What has gone stays in the trash.", "Arrêté. Ce qui est parti reste à la corbeille.";
        stop_run: "Stop the run {}", "Arrêter l’exécution {}";
        tags_about: "Tags (* stands for anything; empty for all)", "Tags (* pour n’importe quoi ; vide pour tous)";
        untagged_too: "also what has no tag", "aussi ce qui n’a pas de tag";
        weekly: "every Sunday (UTC)", "chaque dimanche (UTC)";
        what: "What becomes of them", "Ce qu’ils deviennent";
    }
    counted {
        looked_at: "{} artifact was looked at" / "{} artifacts were looked at", "{} artefact a été examiné" / "{} artefacts ont été examinés";
    }
}
