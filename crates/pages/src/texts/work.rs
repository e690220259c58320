//! Jobs, and the audit log.

texts! {
    plain {
        again: "Do it again", "Recommencer";
        audit: "Audit log", "Journal d’audit";
        audit_hint: "What was done in this account, and by whom. Each event is chained to the one before it: none can be changed or taken away unseen.",
            "Ce qui a été fait dans ce compte, et par qui. Chaque événement est enchaîné au précédent : aucun ne peut être modifié ni retiré sans que cela se voie.";
        details: "Details", "Détails";
        ended: "Ended", "Terminée";
        error: "error", "erreur";
        event_number: "No.", "N°";
        follow: "Show new events as they come", "Montrer les nouveaux événements à mesure";
        from_where: "From", "Depuis";
        go_on: "Go on", "Continuer";
        job: "Job", "Tâche";
        jobs: "Jobs", "Tâches";
        jobs_empty: "Nothing was done for this account in the background yet.", "Rien n’a encore été fait en arrière-plan pour ce compte.";
        jobs_hint: "What the registry does for this account in the background: retention, collections, webhooks, sinks, mail. What failed says why, and can be done again where that is useful.",
            "Ce que le registre fait pour ce compte en arrière-plan : rétention, collectes, webhooks, destinations, courrier. Ce qui a échoué dit pourquoi, et peut être recommencé si c’est utile.";
        last_error: "Why the last run failed", "Pourquoi le dernier essai a échoué";
        log: "Log", "Journal";
        log_empty: "It has said nothing yet.", "Elle n’a encore rien dit.";
        no_day: "A day is written as 2026-11-23.", "Un jour s’écrit 2026-11-23.";
        no_events: "No event is like that.", "Aucun événement ne correspond.";
        not_proven: "The log is not as it was sealed:", "Le journal n’est pas tel qu’il a été scellé :";
        proof: "Proof", "Preuve";
        proof_hint: "Every event is counted anew and compared with its seal, from the oldest that is kept.", "Chaque événement est recalculé et comparé à son sceau, depuis le plus ancien conservé.";
        prove: "Prove it", "Vérifier";
        proven: "All events are as they were sealed, and none is missing.", "Tous les événements sont tels qu’ils ont été scellés, et aucun ne manque.";
        proven_so_far: "All events so far are as they were sealed.", "Jusqu’ici, tous les événements sont tels qu’ils ont été scellés.";
        run: "Run", "Essai";
        runs: "Runs", "Essais";
        said: "What it said", "Ce qu’elle a dit";
        show: "Show", "Montrer";
        since: "From this day (UTC)", "À partir de ce jour (UTC)";
        started: "Last begun", "Dernier début";
        state: "State", "État";
        stopping: "stopping", "s’arrête";
        to_what: "To what", "Sur quoi";
        unfollow: "Stop following", "Ne plus suivre";
        until: "Up to this day (UTC)", "Jusqu’à ce jour (UTC)";
        warning: "warning", "avertissement";
        when: "When", "Quand";
        who: "Who", "Qui";
    }
    counted {
        most_exported: "{} event at most, the newest; narrow it down for others." / "{} events at most, the newest; narrow it down for others.",
            "{} événement au plus, le plus récent ; affinez pour les autres." / "{} événements au plus, les plus récents ; affinez pour les autres.";
    }
}
