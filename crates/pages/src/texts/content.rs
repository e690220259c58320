//! Repositories, artifacts, tags and the trash.

texts! {
    plain {
        all_kinds: "everything", "tout";
        deleted: "Deleted", "Supprimé";
        deleted_by: "by {}", "par {}";
        kept: "{} are kept.", "{} sont conservés.";
        left: "Days left", "Jours restants";
        restore: "Restore", "Restaurer";
        restore_this: "Restore {}", "Restaurer {}";
        restored: "It is back.", "C’est de retour.";
        show: "Show", "Afficher";
        tag: "Tag", "Tag";
        trash: "Trash", "Corbeille";
        trash_empty: "Nothing was deleted, or it is gone for good.", "Rien n’a été supprimé, ou c’est parti pour de bon.";
        what: "What", "Quoi";
    }
    counted {
        trash_hint: "What is deleted stays here for {} day. An image comes back with what belongs to it, a repository with all that was in it."
            / "What is deleted stays here for {} days. An image comes back with what belongs to it, a repository with all that was in it.",
            "Ce qui est supprimé reste ici {} jour. Une image revient avec ce qui en dépend, un dépôt avec tout son contenu."
            / "Ce qui est supprimé reste ici {} jours. Une image revient avec ce qui en dépend, un dépôt avec tout son contenu.";
    }
}
