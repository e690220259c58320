//! What operators of the deployment see.

texts! {
    plain {
        accounts_hint: "Everyone who has a registry here: how they are and what they use. What is in an account is not shown.",
            "Tous ceux qui ont un registre ici : comment ils vont et ce qu’ils utilisent. Ce que contient un compte n’est pas montré.";
        accounts_of_all: "All accounts", "Tous les comptes";
        active: "active", "actif";
        begins_with: "Beginning of the name", "Début du nom";
        change_plan: "Change plan", "Changer la formule";
        choose: "Choose what the account may still do.", "Choisissez ce que le compte peut encore faire.";
        closed: "closed", "fermé";
        closing: "closing", "en fermeture";
        ends: "Content is destroyed from", "Contenu détruit à partir du";
        may_still: "What it may still do", "Ce qu’il peut encore faire";
        none_begins_so: "No account has a name that begins so.", "Aucun compte n’a un nom qui commence ainsi.";
        nothing: "nothing", "rien";
        operate: "Operate this deployment", "Exploiter cette installation";
        plan_hint: "More counts at once. Less is taken only when what the account uses fits into it.",
            "Une formule plus grande vaut aussitôt. Une plus petite n’est acceptée que si ce que le compte utilise y tient.";
        pull_only: "pull, and nothing else", "télécharger, et rien d’autre";
        reason: "Reason", "Raison";
        reason_hint: "The account’s administrators read it.", "Les administrateurs du compte la lisent.";
        resume: "Resume", "Rétablir";
        resume_hint: "The account may do everything again, from its next request on.",
            "Le compte peut de nouveau tout faire, dès sa prochaine requête.";
        suspend: "Suspend", "Suspendre";
        suspended: "suspended", "suspendu";
    }
    counted {
    }
}
