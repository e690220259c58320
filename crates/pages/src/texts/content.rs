//! Repositories, artifacts, tags and the trash.

texts! {
    plain {
        add_label: "Give a label", "Ajouter une étiquette";
        add_tag: "Add a tag", "Ajouter un tag";
        add_tag_hint: "A name that the repository does not have yet.", "Un nom que le dépôt n’a pas encore.";
        all_kinds: "everything", "tout";
        change: "Change", "Modifier";
        change_description: "Change the description", "Modifier la description";
        copied: "The copy is here.", "La copie est ici.";
        copy_to: "Copy to", "Copier vers";
        copy_hint: "The whole name of a repository, as team/app. The copy takes no storage of its own, and what belongs to the artifact comes along.",
            "Le nom complet d’un dépôt, comme equipe/app. La copie ne prend pas de place, et ce qui dépend de l’artefact vient avec.";
        cut: "Only the beginning is shown.", "Seul le début est affiché.";
        deleted: "Deleted", "Supprimé";
        deleted_by: "by {}", "par {}";
        delete_artifact: "Delete this artifact", "Supprimer cet artefact";
        delete_artifact_hint: "It goes with its tags and with what is about it. If the account keeps what is deleted, it can be brought back from the trash.",
            "Il part avec ses tags et ce qui le concerne. Si le compte conserve ce qui est supprimé, il peut être restauré depuis la corbeille.";
        delete_chosen: "Delete the chosen", "Supprimer la sélection";
        delete_repository: "Delete this repository", "Supprimer ce dépôt";
        delete_repository_hint: "Everything in it goes: artifacts, tags, signatures. If the account keeps what is deleted, it can be brought back from the trash. Type the repository’s whole name to go on.",
            "Tout son contenu part : artefacts, tags, signatures. Si le compte conserve ce qui est supprimé, il peut être restauré depuis la corbeille. Tapez le nom complet du dépôt pour continuer.";
        delete_tag: "Delete the tag", "Supprimer le tag";
        delete_tag_hint: "The artifact stays. If the account keeps what is deleted, the tag can be brought back from the trash.",
            "L’artefact reste. Si le compte conserve ce qui est supprimé, le tag peut être restauré depuis la corbeille.";
        description_hint: "In Markdown. Everyone who sees the repository reads it here.", "En Markdown. Tous ceux qui voient le dépôt le lisent ici.";
        documents: "Documents", "Documents";
        choose: "Choose {}", "Choisir {}";
        end: "End", "Fin";
        end_days: "Days until the tag ends", "Jours avant la fin du tag";
        end_hint: "It is deleted by itself then. Empty: it stays.", "Il est alors supprimé de lui-même. Vide : il reste.";
        ends: "Ends", "Prend fin";
        history: "History", "Historique";
        history_hint: "Where the tag pointed, the newest first. The last few seconds may be missing.",
            "Où le tag pointait, le plus récent d’abord. Les dernières secondes peuvent manquer.";
        in_tags: "Part of a tag", "Partie d’un tag";
        kept: "{} are kept.", "{} sont conservés.";
        left: "Days left", "Jours restants";
        lock: "Lock", "Verrouiller";
        lock_hint: "A locked artifact is not deleted, and no tag moves away from it.", "Un artefact verrouillé n’est pas supprimé, et aucun tag ne le quitte.";
        lock_tag_hint: "A locked tag does not move and is not deleted.", "Un tag verrouillé ne bouge pas et n’est pas supprimé.";
        locked: "Locked", "Verrouillé";
        manage: "Change it", "Le modifier";
        no_moves: "Nothing is noted of this tag.", "Rien n’est noté de ce tag.";
        no_such_tag: "There is no such tag now. It can be pointed again at what it pointed at.",
            "Ce tag n’existe plus. Il peut pointer à nouveau là où il pointait.";
        nothing_like_it: "No artifact is like that.", "Aucun artefact ne correspond.";
        points_at: "Points at", "Pointe vers";
        remove_label: "Take away the label {}", "Retirer l’étiquette {}";
        restore: "Restore", "Restaurer";
        restore_this: "Restore {}", "Restaurer {}";
        restored: "It is back.", "C’est de retour.";
        return_here: "Point here again", "Pointer ici à nouveau";
        return_to: "Point at {} again", "Pointer à nouveau vers {}";
        show: "Show", "Afficher";
        show_document: "Show {}", "Afficher {}";
        tag: "Tag", "Tag";
        tag_was_deleted: "deleted", "supprimé";
        there_no_more: "no longer in the repository", "n’est plus dans le dépôt";
        trash: "Trash", "Corbeille";
        trash_empty: "Nothing was deleted, or it is gone for good.", "Rien n’a été supprimé, ou c’est parti pour de bon.";
        trashed: "Deleted. If the account keeps what is deleted, it is in the trash.", "Supprimé. Si le compte conserve ce qui est supprimé, c’est dans la corbeille.";
        unlock: "Unlock", "Déverrouiller";
        what: "What", "Quoi";
        who: "By", "Par";
        wrong_name: "That is not the repository’s whole name.", "Ce n’est pas le nom complet du dépôt.";
        wrong_days: "A whole number of days, 1 or more.", "Un nombre entier de jours, 1 ou plus.";
        none_chosen: "Nothing was chosen.", "Rien n’est sélectionné.";
    }
    counted {
        trash_hint: "What is deleted stays here for {} day. An image comes back with what belongs to it, a repository with all that was in it."
            / "What is deleted stays here for {} days. An image comes back with what belongs to it, a repository with all that was in it.",
            "Ce qui est supprimé reste ici {} jour. Une image revient avec ce qui en dépend, un dépôt avec tout son contenu."
            / "Ce qui est supprimé reste ici {} jours. Une image revient avec ce qui en dépend, un dépôt avec tout son contenu.";
    }
}
