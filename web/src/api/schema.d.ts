// Made from openapi.json by `npm run api`; not edited by hand.

export interface paths {
    "/account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one's account. */
        get: operations["account"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists who one is at providers of identities. */
        get: operations["identity_list"];
        put?: never;
        /** Links who one is at a provider to one's account, with what it sent the browser back with. */
        post: operations["identity_link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/identities/begin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sets out to a provider of identities, to link who one is there to one's account. */
        post: operations["identity_begin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/identities/{identity}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Unlinks who one is at a provider; all other sessions end. The last way in stays. */
        delete: operations["identity_unlink"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/invitations/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Accepts an invitation as oneself, and goes there. */
        post: operations["invitation_accept_as"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/organizations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the organizations that one is in. */
        get: operations["organization_list"];
        put?: never;
        /** Makes an organization of one's own, where the operator allows it. */
        post: operations["organization_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/organizations/{organization}/enter": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Goes to another organization of one's own: a session there in the place of this one. */
        post: operations["organization_enter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Changes one's password; all other sessions end, and this one is renewed. */
        post: operations["password_change"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists where one is signed in, in all organizations. */
        get: operations["session_list"];
        put?: never;
        post?: never;
        /** Ends all sessions of one's own but the one that asks. */
        delete: operations["session_end_others"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/account/sessions/{session}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends a session of one's own. */
        delete: operations["session_end"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists agents. */
        get: operations["agent_list"];
        put?: never;
        /** Adds an agent. */
        post: operations["agent_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/agents/{agent}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows an agent. */
        get: operations["agent_show"];
        /** Changes an agent, all of it. Runs that have begun go on as they were. */
        put: operations["agent_edit"];
        post?: never;
        /** Removes an agent. What it did stays. */
        delete: operations["agent_remove"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the audit log, newest first. */
        get: operations["audit_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Gives the audit log as lines of JSON that prove themselves: `freehold audit verify` reads them. */
        get: operations["audit_export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/audit/head": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far the chain has come, signed: kept elsewhere it is the proof that what was before is as it was. */
        get: operations["audit_head"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a project's cards. */
        get: operations["card_list"];
        put?: never;
        /** Adds a card to the end of the first lane. */
        post: operations["card_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cards/{card}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a card. */
        get: operations["card_show"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes what a card says. What is absent stays as it is. */
        patch: operations["card_edit"];
        trace?: never;
    };
    "/cards/{card}/archive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Puts a card away. */
        post: operations["card_archive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cards/{card}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells what happened to a card, oldest first. */
        get: operations["card_history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cards/{card}/move": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Moves a card to a lane, or within one. */
        post: operations["card_move"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cards/{card}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Brings back a card that was put away. */
        post: operations["card_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/cards/{card}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts a run of a card. */
        post: operations["run_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Streams what changes, as it does.
         * @description Hints, not history: after connecting, and after `resync`, look at everything that is shown. The first message is `hello`; a comment comes every 15 seconds where nothing else does.
         */
        get: operations["changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/device": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks for a device to be signed in: gives it two codes. Needs no token.
         * @description It shows the one to its person, who types it where they are signed in, and asks with the other (`POST /device/token`) until that was done. As RFC 8628 has it.
         */
        post: operations["device_ask"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/device/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Signs the device that shows this code in as oneself. */
        post: operations["device_approve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/device/deny": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Turns the device that shows this code away. */
        post: operations["device_deny"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/device/look": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Shows the device that shows this code, before one decides. */
        post: operations["device_look"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/device/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks whether a device was approved; the answer to the first question after that is its token. */
        post: operations["device_poll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/environments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists environments, newest first. */
        get: operations["environment_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/environments/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells how many environments there may be, and how long one may be idle. */
        get: operations["environment_limits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes how many environments there may be, within the plan, and how long one may be idle. */
        patch: operations["environment_limits_edit"];
        trace?: never;
    };
    "/environments/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells how long environments were active, by day and project. */
        get: operations["environment_usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/environments/{environment}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows an environment, by its id or its project's name. */
        get: operations["environment_show"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/environments/{environment}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stops an environment.
         * @description It takes no more jobs, and its place is cleared when those in it have ended; what is not on the remote is kept. Stopping one that has ended is no error.
         */
        post: operations["environment_stop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/group-roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what groups of providers are in the organization. */
        get: operations["group_role_list"];
        /** Says what a group of a provider is in the organization: members with that role. */
        put: operations["group_role_put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/group-roles/{group}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** A group of a provider is nothing in the organization any more. */
        delete: operations["group_role_remove"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server is there. Needs no token. */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inbox": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What needs a person, in all projects, the newest first. */
        get: operations["inbox"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists invitations, the newest first. */
        get: operations["invitation_list"];
        put?: never;
        /** Invites somebody by mail. An invitation that is open for the address is replaced. */
        post: operations["invitation_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Accepts an invitation with a password, and signs in; an address without an account gets one. */
        post: operations["invitation_accept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations/look": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Shows what one is invited to, to whoever has the token that was mailed. */
        post: operations["invitation_look"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations/{invitation}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Takes an invitation back. */
        delete: operations["invitation_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations/{invitation}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends an invitation anew, for another week; the link before is void. */
        post: operations["invitation_resend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who asks, and until when the token is good. */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the members. */
        get: operations["member_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Leaves the organization, as if one were removed. The last owner stays. */
        post: operations["member_leave"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/seats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says how many members there are, and may be. */
        get: operations["member_seats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/{member}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a member. */
        get: operations["member_show"];
        put?: never;
        post?: never;
        /** Removes a member: their runs end, their tokens are void, their streams break off. */
        delete: operations["member_remove"];
        options?: never;
        head?: never;
        /** Changes what a member is. What an owner is, owners decide, and one of them stays. */
        patch: operations["member_edit"];
        trace?: never;
    };
    "/password/forgot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Has a mail sent with which a new password is set, if anybody has the address. */
        post: operations["password_forgot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/password/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sets a new password by the token that was mailed; all sessions of the person end. */
        post: operations["password_reset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists projects. */
        get: operations["project_list"];
        put?: never;
        /** Adds a project. A runner tries its remote first. */
        post: operations["project_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects/{project}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a project. */
        get: operations["project_show"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes a project. What is absent stays as it is. */
        patch: operations["project_edit"];
        trace?: never;
    };
    "/projects/{project}/environments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes a project ready to be worked on.
         * @description The environment that there is, or a new one: a runner fetches the project and runs its setup, so that the next run begins at once. Watch it until it is `ready`.
         */
        post: operations["environment_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists model providers. */
        get: operations["provider_list"];
        put?: never;
        /** Adds a model provider. A runner tries it first. */
        post: operations["provider_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/providers/{provider}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a model provider. */
        get: operations["provider_show"];
        /** Changes a model provider, all of it; the key `keep` stays as it is. A runner tries it first. */
        put: operations["provider_edit"];
        post?: never;
        /** Removes a model provider that no agent uses. */
        delete: operations["provider_remove"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/registrations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks for an account; what follows is mailed to the address, whether it has one already or not. */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/registrations/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes the account whose token was mailed, and signs in. */
        post: operations["register_confirm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runners": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists runners. */
        get: operations["runner_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runners/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a token that enrols one runner; it is shown this once. */
        post: operations["enrol_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runners/{runner}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revokes a runner. Its work goes elsewhere. */
        delete: operations["runner_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists runs, the newest first. */
        get: operations["run_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a run. */
        get: operations["run_show"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Approves a run's work, which then lands: watch the run until it has. */
        post: operations["run_approve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/base": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells where the target branch is now. Asks a runner, which may take seconds. */
        get: operations["run_base"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends a run, whatever it is doing. */
        post: operations["run_cancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows what a run changed. */
        get: operations["run_diff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what happened in a run. */
        get: operations["event_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Streams what happens in a run, from `after` or the `Last-Event-ID` on; ends when the run has ended. */
        get: operations["event_follow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Streams the agent's own output, byte for byte. */
        get: operations["run_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Rejects a run's work for good. */
        post: operations["run_reject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/reply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answers a run, which goes on from there. One that has ended goes on as a new run, which is given. */
        post: operations["run_reply"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/review": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows what a decision on a run rests on, besides the diff. */
        get: operations["run_review"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{run}/steps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the steps of a run, in every epoch, in their order. */
        get: operations["step_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/service-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the organization's tokens that are neither revoked nor expired. */
        get: operations["service_token_list"];
        put?: never;
        /**
         * Makes a token of the organization's own, for a program; it is shown this once.
         * @description It acts with a role of its own, and outlives the membership of whoever made it.
         */
        post: operations["service_token_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/service-tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revokes a token of the organization's. Streams that it opened end. */
        delete: operations["service_token_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives another token in the place of the session's, which is good for a minute more. */
        post: operations["session_renew"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Exchanges a sign-in link's token, which works once, for one that acts as the person. */
        post: operations["sign_in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in/oidc/{provider}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sets out to a provider of identities, to sign in: gives the address to go to. */
        post: operations["oidc_begin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in/oidc/{provider}/redeem": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Signs in with what the provider sent the browser back with; works once, for the browser that set out. */
        post: operations["oidc_redeem"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Signs in with a password: begins a session in one organization. */
        post: operations["sign_in_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a token for a link that signs one browser in as the person who asks; it is shown this once. */
        post: operations["sign_in_link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in/ways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says how one signs in here. */
        get: operations["sign_in_ways"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revokes the token that comes with the request. */
        post: operations["sign_out"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists one's own tokens that are neither revoked nor expired. */
        get: operations["token_list"];
        put?: never;
        /**
         * Makes a token of one's own, for a program; it is shown this once.
         * @description It may do what its scopes say, of what its person may do at the time, and nothing else. It ends with their membership.
         */
        post: operations["token_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revokes a token of one's own. Streams that it opened end. */
        delete: operations["token_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists webhooks. */
        get: operations["webhook_list"];
        put?: never;
        /**
         * Adds a webhook. Its secret is shown this once.
         * @description What it is sent is signed as Standard Webhooks says, and holds ids, times and numbers, no content.
         */
        post: operations["webhook_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/{webhook}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a webhook. */
        get: operations["webhook_show"];
        put?: never;
        post?: never;
        /** Removes a webhook. What waits is not sent, and its secrets are forgotten. */
        delete: operations["webhook_remove"];
        options?: never;
        head?: never;
        /** Changes a webhook, pauses it, or goes on with it. What is absent stays as it is. */
        patch: operations["webhook_edit"];
        trace?: never;
    };
    "/webhooks/{webhook}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what a webhook was told in the last 30 days, newest first. */
        get: operations["delivery_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/{webhook}/deliveries/{delivery}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a delivery: what is sent, and what came of each try. */
        get: operations["delivery_show"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/{webhook}/deliveries/{delivery}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a delivery once more, under the same id. */
        post: operations["delivery_replay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/{webhook}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives a webhook a new secret, which is shown this once.
         * @description For 24 hours what is sent is signed with the secret before as well.
         */
        post: operations["webhook_rotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/{webhook}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a webhook something to try it with. Look at the delivery for what came of it. */
        post: operations["webhook_test"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Accepts an invitation, and signs in there. */
        AcceptInvitation: {
            /** @description What others are to call them, where they have no account yet. */
            name?: string | null;
            /** @description The password of the account that the address has, or the one that it is to have. */
            password: string;
            /** @description The token. */
            token: string;
        };
        /** @description A token for programs. The token itself was shown once and is kept nowhere. */
        AccessToken: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description From then on it is refused.
             */
            expires_at: string;
            /** @description Its id. */
            id: components["schemas"]["TokenId"];
            /**
             * Format: date-time
             * @description When it was last used, to about a minute.
             */
            last_used_at: string | null;
            /** @description Who made it; nobody where they are no member any more. */
            made_by: string | null;
            /** @description What people call it. */
            name: string;
            role: components["schemas"]["Role"] | null;
            /** @description What it is for. */
            scopes: components["schemas"]["Scope"][];
        };
        /** @description A part of a list. */
        AccessTokenPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["AccessToken"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description One's account. */
        Account: {
            /** @description Their address; the owner of a local installation has none. */
            email: string | null;
            /** @description Their name. */
            name: string;
            /** @description Whether they have a password, and do not only sign in elsewhere. */
            password: boolean;
            /** @description The person. */
            user: components["schemas"]["UserId"];
        };
        /** @description An agent. */
        Agent: {
            /** @description Program and arguments. */
            command: string[];
            /**
             * Format: date-time
             * @description When it was added.
             */
            created_at: string;
            /** @description `command`, `acp` or `builtin`. */
            driver: string;
            /** @description Its id. */
            id: components["schemas"]["AgentId"];
            /** @description What a container starts from, if it names something. */
            image: string | null;
            /** @description How strongly its runs are kept apart from the machine. `none` and `worktree` are unsandboxed. */
            isolation?: components["schemas"]["Isolation"];
            /** @description What a runner must offer. */
            labels: {
                [key: string]: string;
            };
            /** @description What its runs may use up, where that is less than the runner allows; see [`NewAgent`]. */
            limits?: {
                [key: string]: number;
            };
            /** @description Its name. */
            name: string;
            /** @description Directories shown read-only in the sandbox. */
            paths: string[];
            /** @description The preset, if any. */
            preset: string | null;
            /** @description The provider's name, if any. */
            provider: string | null;
            /** @description Whether it may take the repository's own settings for agents. */
            repository_settings?: boolean;
            /**
             * Format: int64
             * @description Limit on silence in seconds.
             */
            stall_s: number;
            /**
             * Format: int64
             * @description Hard limit in seconds.
             */
            timeout_s: number;
            /** @description Whether our file and shell tools are offered to it. */
            tools?: boolean;
        };
        /**
         * @description The id of an agent. Later ones sort later.
         * @example agent_0000000000epjtb9d5mpjtb9d5
         */
        AgentId: string;
        /** @description A part of a list. */
        AgentPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Agent"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description Approves a run's work. */
        Approve: {
            /** @description The commit that was seen; the run's present one where silent. */
            commit?: string | null;
        };
        /** @description Something that was asked of an agent. */
        Asked: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description Who asked. */
            by: string | null;
            /** @description `card` or `reply`. */
            kind: string;
            /** @description In their words. */
            text: string;
        };
        /** @description Where a log begins whose beginning was let go. */
        AuditBegin: {
            /** @description A DSSE envelope that says what went, and when. */
            cut: Record<string, never>;
            /**
             * Format: int64
             * @description The number of the first entry that is there.
             */
            n: number;
        };
        /** @description What somebody did, or was refused. */
        AuditEntry: {
            /** @description What: the thing's kind, a dot, what was done to it. */
            action: string;
            /** @description Who: a person's, a token's or a runner's id. */
            actor: string;
            /** @description That person's name, where it is a member's. */
            actor_name: string | null;
            /** @description The address that it came from; empty where there was none. */
            address: string;
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description The request's word in the server's log; empty where there was no request. */
            correlation: string;
            /**
             * Format: int64
             * @description Its number in the organization's chain; null for the moment until it has its place there.
             */
            n: number | null;
            /** @description What came of it: `done`, `refused`. */
            outcome: string;
            /** @description What for. */
            purpose: string;
            /** @description To what: an id. */
            resource: string;
        };
        /** @description A part of a list. */
        AuditEntryPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["AuditEntry"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description How far the chain of the audit log has come, signed. */
        AuditHead: {
            begins: components["schemas"]["AuditBegin"] | null;
            /** @description A DSSE envelope that says so; null before the first entry. */
            checkpoint: Record<string, never> | null;
            /** @description Its hash: SHA-256 in hex. */
            hash: string;
            /** @description How long it is kept: carry away before what shall be kept longer. */
            kept?: components["schemas"]["AuditKept"];
            /** @description The Ed25519 key that signs, in base64url: `freehold audit verify --key` takes it. */
            key: string;
            /**
             * Format: int64
             * @description The last entry's number.
             */
            n: number;
            /** @description Whose. */
            tenant: components["schemas"]["TenantId"];
        };
        /** @description How many days entries are kept; for ever where silent. */
        AuditKept: {
            /**
             * Format: int64
             * @description The words of entries on who looked at what.
             */
            reading: number | null;
            /**
             * Format: int64
             * @description Who may do what, and what was done.
             */
            security: number | null;
        };
        /** @description Where the target branch is now, seen by a runner. */
        Base: {
            /** @description The commit that the work started from. */
            base: string | null;
            /** @description The target branch's commit now. */
            head: string | null;
            /** @description Why it is not known, in words. */
            message: string | null;
            /** @description Whether they are the same. */
            state: components["schemas"]["BaseState"];
        };
        /**
         * @description Whether a target branch moved on under finished work.
         * @enum {string}
         */
        BaseState: "same" | "moved" | "unknown";
        /** @description Sets out to a provider, to link who one is there to one's account. */
        BeginLink: {
            /** @description The account's password, where it has one. Where it has none, the session must have begun a short while ago. */
            current?: string | null;
            /** @description The provider's name. */
            provider: string;
        };
        /** @description Sets out to a provider, to sign in. */
        BeginOidc: {
            /** @description The token of an invitation that is to be accepted by whoever comes back. */
            invitation?: string | null;
        };
        /** @description Where to go, and what brings the answer back. */
        BegunOidc: {
            /**
             * Format: date-time
             * @description From then on the answer comes too late.
             */
            expires_at: string;
            /** @description What this browser keeps, and shows with the answer: whoever else gets the answer has no use of it. */
            secret: string;
            /** @description The provider's page. It sends the browser back to `/sign-in/with/{provider}`. */
            url: string;
        };
        /** @description One limit of a step. */
        Bound: {
            /** @description Whether it was held. One that this machine cannot hold is asked for and not held. */
            held: boolean;
            /** @description Which: `memory`, `disk`, `file_size` and `output` count bytes, `tasks` and `files` things, `cpu` thousandths of a processor, `output_rate` bytes in a second. */
            limit: string;
            /**
             * Format: int64
             * @description The most that was used of it, where that was measured.
             */
            used: number | null;
            /**
             * Format: int64
             * @description Its value.
             */
            value: number;
        };
        /** @description A browser that one is signed in with. */
        BrowserSession: {
            /** @description Where it signed in from. */
            address: string | null;
            /**
             * Format: date-time
             * @description When its person signed in.
             */
            began_at: string;
            /** @description What the browser said that it is. */
            browser: string | null;
            /**
             * Format: date-time
             * @description It is refused from then on, unless it is renewed.
             */
            expires_at: string | null;
            /** @description Its id. */
            id: components["schemas"]["TokenId"];
            /** @description The organization that it acts in. */
            organization: components["schemas"]["TenantId"];
            /** @description That organization's name. */
            organization_name: string;
            /**
             * Format: date-time
             * @description When it was renewed, which a page in use does each day.
             */
            renewed_at: string;
            /** @description Whether it is the one that asks. */
            this: boolean;
        };
        /** @description A part of a list. */
        BrowserSessionPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["BrowserSession"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description A card. */
        Card: {
            /** @description The latest run's agent. */
            agent: string | null;
            /**
             * Format: date-time
             * @description When it was put away.
             */
            archived_at: string | null;
            /** @description The details. */
            body: string;
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /** @description Cards that must have landed first. */
            depends: components["schemas"]["CardId"][];
            /** @description Its id. */
            id: components["schemas"]["CardId"];
            /** @description Whether a run of it has landed. */
            landed: boolean;
            /** @description The column it stands in. */
            lane: components["schemas"]["Lane"];
            /** @description The project's id. */
            project: components["schemas"]["ProjectId"];
            /**
             * Format: double
             * @description Where it stands in its lane: cards are shown by rising rank.
             */
            rank: number;
            run: components["schemas"]["RunId"] | null;
            run_reason: components["schemas"]["Reason"] | null;
            run_state: components["schemas"]["State"] | null;
            /** @description What is wanted. */
            title: string;
            /** @description Those of `depends` that have not landed. */
            unmet: components["schemas"]["CardId"][];
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updated_at: string;
            /**
             * Format: int64
             * @description The edition of title and body, from 1: what `If-Match` names.
             */
            version: number;
            /** @description What the latest run waits for: `review`, or `remote`, which is away. */
            waiting_for: string | null;
        };
        /** @description One fact in the life of a card. */
        CardEvent: {
            /**
             * Format: date-time
             * @description When it happened.
             */
            at: string;
            /** @description Who did it; nobody where a run moved the card. */
            by: string | null;
            from: components["schemas"]["Lane"] | null;
            /** @description `created`, `edited`, `moved`, `archived`, `restored`, `run_started` or `run_state`. */
            kind: string;
            reason: components["schemas"]["Reason"] | null;
            run: components["schemas"]["RunId"] | null;
            /**
             * Format: int64
             * @description Its place in the card's history, from 1.
             */
            seq: number;
            state: components["schemas"]["State"] | null;
            to: components["schemas"]["Lane"] | null;
        };
        /** @description A part of a list. */
        CardEventPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["CardEvent"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /**
         * @description The id of a card. Later ones sort later.
         * @example card_0000000000epjtb9d5mpjtb9d5
         */
        CardId: string;
        /** @description A part of a list. */
        CardPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Card"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description Something changed: look at it again. The name of the server-sent event is the tag. */
        Change: {
            /** @enum {string} */
            change: "hello";
            /**
             * Format: date-time
             * @description The server's clock.
             */
            now: string;
            /** @description The server's version. */
            version: string;
        } | {
            /** @description Its card. */
            card: components["schemas"]["CardId"];
            /** @enum {string} */
            change: "run";
            /**
             * Format: int32
             * @description Its fence.
             */
            epoch: number;
            /**
             * Format: int64
             * @description Its last event.
             */
            last_seq: number;
            /** @description Its project. */
            project: components["schemas"]["ProjectId"];
            /** @description The run. */
            run: components["schemas"]["RunId"];
            /** @description Where it is now. */
            state: components["schemas"]["State"];
        } | {
            /** @description The card. */
            card: components["schemas"]["CardId"];
            /** @enum {string} */
            change: "card";
            /** @description Its project. */
            project: components["schemas"]["ProjectId"];
        } | {
            /** @enum {string} */
            change: "settings";
            /** @description What. */
            noun: string;
        } | {
            /** @enum {string} */
            change: "resync";
        } | {
            /** @enum {string} */
            change: "signed_out";
        };
        /** @description Changes one's password. All other sessions end. */
        ChangePassword: {
            /** @description The one that there is. */
            current: string;
            /** @description The new one. */
            password: string;
        };
        /** @description A changed file. */
        ChangedFile: {
            /**
             * Format: int64
             * @description Lines added.
             */
            additions: number;
            /** @description Its content is not text. */
            binary: boolean;
            /**
             * Format: int64
             * @description Lines removed.
             */
            deletions: number;
            /** @description Why a person should look twice. */
            flags: components["schemas"]["FileFlag"][];
            /** @description Its path before, where it was renamed or copied. */
            old_path: string | null;
            /** @description Its path; what is not UTF-8 is replaced. */
            path: string;
            /** @description What happened to it. */
            status: components["schemas"]["FileStatus"];
        };
        /** @description A check's result. */
        Check: {
            /**
             * Format: int32
             * @description Its exit code, where it has one.
             */
            exit_code: number | null;
            /** @description Its name. */
            name: string;
            /** @description `passed`, `failed`, `timed_out` or `skipped`. */
            state: string;
        };
        /**
         * @description What went wrong; `/docs/errors/<code>` is its page. More may come: go by the status then.
         * @enum {string}
         */
        Code: "invalid" | "unauthenticated" | "forbidden" | "not_found" | "exists" | "conflict" | "run_live" | "idempotency_mismatch" | "commit_mismatch" | "events_gone" | "stale" | "too_large" | "no_runner" | "remote_refused" | "provider_refused" | "agent_ambiguous" | "timeout" | "unavailable" | "content_unavailable" | "too_many" | "seats_taken" | "last_owner" | "idempotency_running" | "answer_lost" | "confirmation_needed" | "identity_unknown" | "identity_refused" | "internal";
        /** @description Says that the address is one's own, by the token that was mailed there. */
        ConfirmRegistration: {
            /** @description The password that was chosen: whoever reads the mail of an account that they did not ask for does not confirm it. */
            password: string;
            /** @description The token. */
            token: string;
        };
        /**
         * @description The id of what a webhook is told of one thing that happened. Later ones sort later.
         * @example msg_0000000000epjtb9d5mpjtb9d5
         */
        DeliveryId: string;
        /** @description A device that asks to be signed in. */
        Device: {
            /** @description Where it asked from. */
            address: string | null;
            /**
             * Format: date-time
             * @description When.
             */
            asked_at: string;
            /**
             * Format: date-time
             * @description It is forgotten from then on.
             */
            expires_at: string;
            /** @description What it calls itself. Anybody could call theirs so: compare the code. */
            name: string;
        };
        /** @description The codes that a device was given. */
        DeviceCodes: {
            /** @description What it asks with whether it was approved. A secret of its own. */
            device_code: string;
            /**
             * Format: date-time
             * @description Both are forgotten from then on.
             */
            expires_at: string;
            /**
             * Format: int32
             * @description Seconds that lie between two questions at least.
             */
            interval_s: number;
            /** @description What it shows to its person, who types it where they are signed in. */
            user_code: string;
        };
        /** @description A device asks whether it was approved. */
        DevicePoll: {
            /** @description Its code. */
            device_code: string;
        };
        /** @description What it hears. */
        DeviceState: {
            /** @enum {string} */
            state: "pending";
        } | {
            /** @enum {string} */
            state: "slow_down";
        } | {
            /** @enum {string} */
            state: "denied";
        } | {
            /**
             * Format: date-time
             * @description It is refused from then on.
             */
            expires_at: string;
            /** @enum {string} */
            state: "approved";
            /** @description A token of theirs with every scope that one can have, shown this once. */
            token: string;
        };
        /** @description Changes what a card says. What is absent stays as it is. */
        EditCard: {
            /** @description The details. */
            body?: string | null;
            /** @description Cards that must have landed first, all of them. */
            depends?: components["schemas"]["CardId"][] | null;
            /** @description What is wanted, in a line; 1 to 500 characters. */
            title?: string | null;
        };
        /** @description Changes the limits. What is absent stays as it is. */
        EditEnvironmentLimits: {
            /**
             * Format: int32
             * @description Minutes without jobs and terminals after which one is stopped: 1 to 10080, a week.
             */
            idle_minutes?: number | null;
            /**
             * Format: int32
             * @description How many may have a place at a time: 1 to what the plan allows.
             */
            most?: number | null;
        };
        /** @description Changes what a member is. What is left out stays. */
        EditMember: {
            /** @description Whether they decide on finished work, whatever the role. */
            review?: boolean | null;
            role?: components["schemas"]["Role"] | null;
        };
        /** @description Changes a project. What is absent stays as it is. */
        EditProject: {
            /** @description The folder of the repository that runs from now on start in; empty: its root. */
            directory?: string | null;
            egress?: components["schemas"]["Egress"] | null;
            isolation_at_least?: components["schemas"]["Isolation"] | null;
            /** @description A new name. */
            name?: string | null;
            /**
             * Format: int32
             * @description How many jobs it may have for one of a project whose share is 1, when runners are short: 1 to 100.
             */
            share?: number | null;
            /** @description Another branch; a runner looks whether it is there. */
            target?: string | null;
        };
        /** @description What is to be other than it is; what is silent stays. */
        EditWebhook: {
            /** @description Where to. */
            address?: string | null;
            /** @description What it is told of, in place of what it was. */
            events?: components["schemas"]["WebhookEvent"][] | null;
            /** @description Whether nothing is sent. What happens meanwhile it is not told of; what waited goes on afterwards. */
            paused?: boolean | null;
        };
        /**
         * @description What may be reached from inside.
         * @enum {string}
         */
        Egress: "none" | "registries" | "open";
        /** @description A token that enrols one runner, shown once. */
        EnrolToken: {
            /**
             * Format: date-time
             * @description It is refused from then on.
             */
            expires_at: string;
            /** @description The token; `.` and the fingerprint of the key that orders are signed with are part of it. */
            token: string;
        };
        /** @description A project's place on a runner: its clean store, its setup's results, the workspaces of its runs that wait. */
        Environment: {
            /**
             * Format: int64
             * @description Whole seconds that it was active, as its runner's heartbeats tell.
             */
            active_s: number;
            /** @description The same in words. */
            detail: string | null;
            /** @description Its id. */
            id: components["schemas"]["EnvironmentId"];
            /**
             * Format: date-time
             * @description When it is stopped unless something is done in it; none while jobs are in it.
             */
            idle_until: string | null;
            /**
             * Format: int32
             * @description Jobs that are in it now.
             */
            jobs: number;
            /** @description Runs whose workspaces were kept when it ended: what is in them is not on the remote. */
            kept: components["schemas"]["RunId"][];
            /** @description `tenant_id`, `project_id`, `plan` and `env_type`. */
            labels: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description When something was last done in it.
             */
            last_active_at: string;
            /** @description The project. */
            project: components["schemas"]["ProjectId"];
            /** @description The project's name. */
            project_name: string;
            /** @description Why it waits, ends or ended, as a code. More may come: show an unknown one as it is. */
            reason: string | null;
            /**
             * Format: date-time
             * @description When it was asked for.
             */
            requested_at: string;
            runner: components["schemas"]["RunnerId"] | null;
            /** @description That machine's name. */
            runner_name: string | null;
            /**
             * Format: date-time
             * @description When it was ready, or its first job began.
             */
            started_at: string | null;
            /** @description Where it is. */
            state: components["schemas"]["EnvironmentState"];
            /**
             * Format: date-time
             * @description When it ended.
             */
            stopped_at: string | null;
        };
        /** @description How long a project's environments were active on a day. */
        EnvironmentDay: {
            /**
             * Format: date
             * @description The day, in UTC.
             */
            day: string;
            /** @description The project. */
            project: components["schemas"]["ProjectId"];
            /** @description The project's name. */
            project_name: string;
            /**
             * Format: int64
             * @description Whole seconds.
             */
            seconds: number;
        };
        /**
         * @description The id of a project's environment on a runner. Later ones sort later.
         * @example env_0000000000epjtb9d5mpjtb9d5
         */
        EnvironmentId: string;
        /** @description How many environments there may be, and for how long. */
        EnvironmentLimits: {
            /**
             * Format: int32
             * @description Minutes without jobs and terminals after which one is stopped.
             */
            idle_minutes: number;
            /**
             * Format: int32
             * @description How many may have a place at a time.
             */
            most: number;
            /**
             * Format: int32
             * @description How many have a place now.
             */
            placed: number;
            /** @description The tenant's plan. */
            plan: string;
            /**
             * Format: int32
             * @description How many the plan allows.
             */
            plan_most: number;
        };
        /** @description A part of a list. */
        EnvironmentPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Environment"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /**
         * @description Where an environment is.
         * @enum {string}
         */
        EnvironmentState: "requested" | "starting" | "ready" | "busy" | "idle" | "stopping" | "stopped" | "failed";
        /** @description How long environments were active. */
        EnvironmentUsage: {
            /** @description By day and project, in that order; what is absent is nothing. */
            days: components["schemas"]["EnvironmentDay"][];
            /**
             * Format: date
             * @description The first day, in UTC.
             */
            from: string;
            /**
             * Format: int64
             * @description Whole seconds in all.
             */
            seconds: number;
            /**
             * Format: date
             * @description The last day.
             */
            to: string;
        };
        /** @description One fact about a run. Gap-free: `seq` counts from 1. */
        Event: {
            /** @description Depends on the type. */
            payload: unknown;
            /**
             * Format: int64
             * @description Its place in the run.
             */
            seq: number;
            /**
             * Format: date-time
             * @description When it happened, by the clock of whoever said it.
             */
            ts: string;
            /** @description What kind: `run.*` (state, with `reason`, `epoch`, `attempt`, `next_try_at`), `step.started`, `step.finished` (`step`, `number`, `version`, `state`, `exit_code`, `ms`), `output` (`step`, `stream`: `stdout`, `stderr` or `protocol`, `text` or `base64`), `agent.message`, `agent.thought`, `agent.tool`, `agent.plan`, `agent.permission`, `agent.usage`, `check.finished`, `note`. */
            type: string;
        };
        /** @description A part of a list. */
        EventPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Event"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description A check's result with its time. */
        Evidence: {
            /**
             * Format: int32
             * @description Its exit code, where it has one.
             */
            exit_code: number | null;
            /**
             * Format: int64
             * @description How long it took, in milliseconds, where that is known.
             */
            ms: number | null;
            /** @description Its name. */
            name: string;
            /** @description `passed`, `failed`, `timed_out` or `skipped`. */
            state: string;
            /** @description The step whose output it is in. */
            step: string;
        };
        /**
         * @description What machines execute or trust by themselves once it has landed.
         * @enum {string}
         */
        FileFlag: "ci" | "hook" | "agent-config" | "editor-config" | "build-script" | "lockfile" | "submodule" | "symlink" | "executable";
        /**
         * @description What happened to a file.
         * @enum {string}
         */
        FileStatus: "added" | "modified" | "deleted" | "renamed" | "copied" | "mode";
        /** @description Asks for a mail with which a new password is set. */
        ForgotPassword: {
            /** @description The address. */
            email: string;
        };
        /** @description What a group is in the organization: whoever signs in as one of it is a member with that role. */
        GroupRole: {
            /** @description The group, as the provider calls it. */
            group: string;
            /** @description Its id. */
            id: string;
            /** @description The provider that tells of it. */
            provider: string;
            /** @description `owner`, `admin`, `developer` or `viewer`. */
            role: components["schemas"]["Role"];
        };
        /** @description A part of a list. */
        GroupRolePage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["GroupRole"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description The server is there. */
        Health: {
            /** @description Whether the database answers. */
            database: boolean;
            /**
             * Format: int32
             * @description Connected runners.
             */
            runners: number;
            /** @description `ok`. */
            status: string;
            /** @description The program's version. */
            version: string;
        };
        /** @description What really stood around a step of a run, as the runner found it. A fact, not a wish. */
        InForce: {
            /** @description Where limits for all its processes together were held: `v1`, `v2`; null for nowhere. */
            cgroup: string | null;
            /**
             * Format: int64
             * @description Processor time of all its processes, in milliseconds.
             */
            cpu_ms: number | null;
            /**
             * Format: int32
             * @description The fence that the step was done under.
             */
            epoch?: number;
            /** @description Whether its system calls were filtered. */
            filter?: boolean;
            /** @description The id of the limit that ended it, if one did. */
            hit: string | null;
            /** @description What stood between its processes and the machine. */
            isolation: components["schemas"]["Isolation"];
            /**
             * Format: int32
             * @description The version of Landlock that was enforced; null where the kernel has none.
             */
            landlock: number | null;
            /** @description What started it, with its version, such as `bubblewrap 0.8.0`; null for a plain process. */
            launcher: string | null;
            /** @description The limits that were asked for, whether they were held, and what was used of each. */
            limits?: components["schemas"]["Bound"][];
            /** @description Whether it ran as a user of its own on the machine. */
            own_uid?: boolean;
            /** @description Its name: `setup`, `agent`, `collect`, `check:` and a check's. */
            step: string;
            /**
             * Format: int64
             * @description From its start to its end, in milliseconds.
             */
            wall_ms?: number;
        };
        /** @description Something that needs a person. */
        InboxItem: {
            /** @description What for. */
            kind: components["schemas"]["Waits"];
            /** @description The project's name. */
            project_name: string;
            /** @description The run. */
            run: components["schemas"]["Run"];
            /**
             * Format: date-time
             * @description Since when.
             */
            since: string;
        };
        /** @description A part of a list. */
        InboxItemPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["InboxItem"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description An invitation. */
        Invitation: {
            /** @description Who invites, by name. */
            by: string | null;
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /** @description Who is invited. */
            email: string;
            /**
             * Format: date-time
             * @description It cannot be accepted from then on.
             */
            expires_at: string;
            /** @description Its id. */
            id: components["schemas"]["InvitationId"];
            /** @description Whether they are to decide on finished work, whatever the role. */
            review: boolean;
            /** @description What they are to be. */
            role: components["schemas"]["Role"];
            /**
             * Format: date-time
             * @description When it was mailed last.
             */
            sent_at: string;
            /** @description `open`, `accepted`, `revoked` or `expired`. */
            state: string;
        };
        /**
         * @description The id of an invitation. Later ones sort later.
         * @example inv_0000000000epjtb9d5mpjtb9d5
         */
        InvitationId: string;
        /** @description A part of a list. */
        InvitationPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Invitation"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description What one is invited to. */
        InvitationSeen: {
            /** @description Who invites, by name. */
            by: string | null;
            /** @description Who is invited. */
            email: string;
            /** @description Whether that address has an account: its password is asked for then, and else a new one. */
            has_account: boolean;
            /** @description The organization's name. */
            organization: string;
            /** @description What they are to be. */
            role: components["schemas"]["Role"];
        };
        /** @description The token of an invitation. */
        InvitationToken: {
            /** @description The token. */
            token: string;
        };
        /**
         * @description How strongly a run is kept apart from the machine, weakest first. `none` and `worktree` are unsandboxed.
         * @enum {string}
         */
        Isolation: "none" | "worktree" | "sandbox" | "container" | "vm";
        /** @description Where a provider's key is, as people are told. */
        Key: "none" | {
            /** @description In an environment variable of the runner. */
            env: string;
        } | {
            /** @description In a file that the runner can read. */
            file: string;
        } | {
            /**
             * Format: int32
             * @description Written down, and sealed to so many runners: only they can open it. A runner that was enrolled later cannot.
             */
            written: number;
        };
        /**
         * @description A column of the board, in their order.
         * @enum {string}
         */
        Lane: "Backlog" | "Planning" | "Build" | "Test" | "Review" | "Done";
        /** @description Who one is at a provider. */
        LinkedIdentity: {
            /** @description Its id. */
            id: string;
            /**
             * Format: date-time
             * @description When it was linked.
             */
            linked_at: string;
            /** @description The provider's name; null for one that is not set up here any more. */
            provider: string | null;
            /** @description One's name there, which is never given to another. */
            subject: string;
            /** @description The provider's name on a button; its address where it is not set up here any more. */
            title: string;
        };
        /** @description A part of a list. */
        LinkedIdentityPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["LinkedIdentity"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description A machine, and what was found to work there by trying. */
        Machine: {
            /** @description Known agents whose programs are there. */
            agents: string[];
            /** @description The processor's architecture. */
            arch: string;
            /**
             * Format: int64
             * @description Seconds that its clock was ahead of the server's when it connected, less than none where it was behind; silent within a minute.
             */
            clock_ahead_s: number | null;
            /**
             * Format: int32
             * @description Processors that the runner may use.
             */
            cpus: number;
            /** @description Isolation that was tried and holds. */
            isolation: string[];
            /**
             * Format: int64
             * @description Memory in bytes; 0 where it is not known.
             */
            memory: number;
            /** @description The operating system, in its own words. */
            os: string;
            /** @description Why the sandbox cannot be set up, where it cannot: no agent works there. */
            sandbox_error: string | null;
        };
        /** @description Whoever asks. */
        Me: {
            /**
             * Format: date-time
             * @description When the token expires, if it does.
             */
            expires_at: string | null;
            /** @description Their name. */
            name: string;
            /** @description Whether they decide on finished work with this token. */
            review: boolean;
            /** @description What they are there, or less where the token says so. */
            role: components["schemas"]["Role"];
            /** @description What the token is for; a session's has every scope. */
            scopes: components["schemas"]["Scope"][];
            /** @description The server's version. */
            server_version: string;
            /** @description The organization that the token acts in. */
            tenant: components["schemas"]["TenantId"];
            /** @description Its name. */
            tenant_name: string;
            /** @description The person. */
            user: components["schemas"]["UserId"];
        };
        /** @description A member. */
        Member: {
            /** @description Their address; the owner of a local installation has none. */
            email: string | null;
            /** @description Their name. */
            name: string;
            /** @description Decides on finished work, whatever the role. */
            review: boolean;
            /** @description `owner`, `admin`, `developer` or `viewer`. */
            role: components["schemas"]["Role"];
            /**
             * Format: date-time
             * @description Since when.
             */
            since: string;
            /** @description The person. */
            user: components["schemas"]["UserId"];
        };
        /** @description A part of a list. */
        MemberPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Member"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description Moves a card to a lane, or within one. */
        MoveCard: {
            before?: components["schemas"]["CardId"] | null;
            /** @description The lane that the caller saw it in. Where it stands elsewhere by now, nothing is moved. */
            from?: string | null;
            /** @description The lane's name. */
            lane: string;
        };
        /** @description Asks for an agent. */
        NewAgent: {
            /** @description Program and arguments. */
            command?: string[];
            /** @description `command`, `acp` or `builtin`. */
            driver: string;
            /** @description What a container starts from: an absolute path on the runner's machine, or an image's name. */
            image?: string | null;
            isolation?: components["schemas"]["Isolation"] | null;
            /** @description What a runner must offer. */
            labels?: {
                [key: string]: string;
            };
            /** @description What its runs may use up, where that is less than the runner allows: `memory`, `disk`, `file_size` and `output` in bytes, `tasks` and `files` in number, `cpu` in thousandths of a processor, `output_rate` in bytes per second. */
            limits?: {
                [key: string]: number;
            };
            /** @description Unique in the tenant. */
            name: string;
            /** @description Directories shown read-only in the sandbox. */
            paths?: string[];
            /** @description `codex`, `opencode`, `claude`, `gemini`. */
            preset?: string | null;
            /** @description A provider, by id or name. */
            provider?: string | null;
            /** @description It may take the repository's own settings for agents (`.claude`, `.codex`, `opencode.json` and the like), which can start programs; else its workspace does not hold them. */
            repository_settings?: boolean;
            /**
             * Format: int64
             * @description Limit on silence in seconds; 600 where silent.
             */
            stall_s?: number | null;
            /**
             * Format: int64
             * @description Hard limit in seconds; 3600 where silent.
             */
            timeout_s?: number | null;
            /** @description It brings no file and shell tools: ours are offered to it over the Model Context Protocol. */
            tools?: boolean;
        };
        /** @description Asks for a card. */
        NewCard: {
            /** @description The details. */
            body?: string;
            /** @description Cards that must have landed first. */
            depends?: components["schemas"]["CardId"][];
            /** @description The project, by id or name. */
            project: string;
            /** @description What is wanted, in a line; 1 to 500 characters. */
            title: string;
        };
        /** @description A device asks to be signed in. */
        NewDevice: {
            /** @description What people know it by: letters, digits, `-`, `_` and `.`. Its token is called that. */
            name: string;
        };
        /** @description Invites somebody. */
        NewInvitation: {
            /** @description Who; nobody else can accept. */
            email: string;
            /** @description Whether they are to decide on finished work, whatever the role. */
            review?: boolean;
            /** @description What they are to be: `owner`, `admin`, `developer` or `viewer`. */
            role: components["schemas"]["Role"];
        };
        /** @description A provider's key as it is given. */
        NewKey: "none" | {
            /** @description In an environment variable of the runner. */
            env: string;
        } | {
            /** @description In a file that the runner can read. */
            file: string;
        } | {
            /** @description The key itself. It is sealed to the tenant's runners before anything is stored, and is never shown again. */
            write: string;
        } | "keep";
        /** @description Makes an organization. */
        NewOrganization: {
            /** @description Its name. */
            name: string;
        };
        /** @description Asks for a project. */
        NewProject: {
            /** @description The folder of the repository that it is about, such as `services/api`: agents, setup and checks start there. The whole repository where silent. */
            directory?: string | null;
            /** @description What may be reached from inside. */
            egress?: components["schemas"]["Egress"];
            /** @description Unique in the tenant: letters, digits, `-`, `_`, `.`; 1 to 64. */
            name: string;
            /** @description A git remote that a runner can reach. */
            remote: string;
            /** @description The branch to start from and to land on; the remote's default where silent. */
            target?: string | null;
        };
        /** @description Asks for a model provider. */
        NewProvider: {
            /** @description The endpoint. */
            base_url: string;
            /** @description The key, or where the runner finds it. */
            key: components["schemas"]["NewKey"];
            /** @description `openai`, `anthropic` or `ollama`. */
            kind: string;
            /** @description The model to ask for unless an agent says otherwise. */
            model?: string | null;
            /** @description Unique in the tenant. */
            name: string;
        };
        /** @description A token of the organization's own, to be made. */
        NewServiceToken: {
            /**
             * Format: int32
             * @description How many days it is good for: 366 at most, 90 where silent.
             */
            days?: number | null;
            /** @description What people call it, and the author of what it does: letters, digits, `-`, `_` and `.`. */
            name: string;
            /** @description What it acts as; no more than who makes it, and no owner. */
            role: components["schemas"]["Role"];
            /** @description What it is for; at least one, and not `review`. */
            scopes: components["schemas"]["Scope"][];
        };
        /** @description A session that has just begun, in one organization. */
        NewSession: {
            /**
             * Format: date-time
             * @description It is refused from then on.
             */
            expires_at: string;
            /** @description The organization that it acts in. */
            organization: components["schemas"]["TenantId"];
            /**
             * Format: date-time
             * @description From then on a page in use renews it: `POST /session/renew`.
             */
            renew_at: string;
            /** @description Its token, sent as `Authorization: Bearer`; shown this once. */
            token: string;
        };
        /** @description A token of one's own, to be made. */
        NewToken: {
            /**
             * Format: int32
             * @description How many days it is good for: 366 at most, 90 where silent.
             */
            days?: number | null;
            /** @description What people call it: letters, digits, `-`, `_` and `.`. */
            name: string;
            role?: components["schemas"]["Role"] | null;
            /** @description What it is for; at least one, and none that the token in use lacks itself. */
            scopes: components["schemas"]["Scope"][];
        };
        /** @description A webhook, to be added. */
        NewWebhook: {
            /** @description Where to: an `https://` address in the public network, at port 443 or 8443. */
            address: string;
            /** @description What it is told of; at least one. */
            events: components["schemas"]["WebhookEvent"][];
        };
        /** @description An organization that one is in. */
        Organization: {
            /** @description Its id. */
            id: components["schemas"]["TenantId"];
            /** @description Its name. */
            name: string;
            /** @description What one is there. */
            role: components["schemas"]["Role"];
            /**
             * Format: date-time
             * @description Since when.
             */
            since: string;
            /** @description Whether the session that asks acts in it. */
            this: boolean;
        };
        /** @description A part of a list. */
        OrganizationPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Organization"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /**
         * @description How much sooner than others a run is wanted, the least first. One step is worth an hour of waiting: whoever has waited longer goes first all the same.
         * @enum {string}
         */
        Priority: "low" | "normal" | "high" | "urgent";
        /** @description A problem document. */
        Problem: {
            /** @description The code. */
            code: components["schemas"]["Code"];
            /** @description What confirms the act, once: the request again with this as its `Confirmation`. */
            confirmation?: string;
            /** @description To find the server's log lines by. */
            correlation?: string;
            /** @description What happened this time. */
            detail: string;
            /** @description What to do next. */
            next: string;
            /**
             * Format: int64
             * @description In how many seconds it is worth trying again; `Retry-After` says the same.
             */
            retry_after_s?: number;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The code's meaning. */
            title: string;
            /** @description The page about the code. */
            type: string;
        };
        /** @description A project. */
        Project: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /** @description The folder of the repository that it is about; null: all of it. */
            directory: string | null;
            /** @description What may be reached from inside. */
            egress: components["schemas"]["Egress"];
            /** @description Its id. */
            id: components["schemas"]["ProjectId"];
            isolation_at_least: components["schemas"]["Isolation"] | null;
            /** @description Its name. */
            name: string;
            /** @description Where its record lives. */
            record: components["schemas"]["Record"];
            /** @description Its first repository's remote. */
            remote: string;
            /**
             * Format: int32
             * @description How many jobs it may have for one of a project whose share is 1, when runners are short.
             */
            share?: number;
            /** @description The branch that work starts from and lands on. */
            target: string;
        };
        /**
         * @description The id of a project. Later ones sort later.
         * @example proj_0000000000epjtb9d5mpjtb9d5
         */
        ProjectId: string;
        /** @description A part of a list. */
        ProjectPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Project"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description A model provider. */
        Provider: {
            /** @description The endpoint. */
            base_url: string;
            /**
             * Format: date-time
             * @description When it was added.
             */
            created_at: string;
            /** @description Its id. */
            id: components["schemas"]["ProviderId"];
            /** @description Where the key is: a name or a note that there is one, never the key. */
            key: components["schemas"]["Key"];
            /** @description `openai`, `anthropic` or `ollama`. */
            kind: string;
            /** @description The model to ask for. */
            model: string | null;
            /** @description Its name. */
            name: string;
        };
        /**
         * @description The id of a model provider. Later ones sort later.
         * @example prov_0000000000epjtb9d5mpjtb9d5
         */
        ProviderId: string;
        /** @description A part of a list. */
        ProviderPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Provider"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description Says what a group is in the organization. */
        PutGroupRole: {
            /** @description The group, as the provider calls it. */
            group: string;
            /** @description The provider that tells of it. */
            provider: string;
            /** @description `owner`, `admin`, `developer` or `viewer`. */
            role: components["schemas"]["Role"];
        };
        /**
         * @description Why a run is where it is. More may come: show an unknown one as it is.
         * @enum {string}
         */
        Reason: "dependency_unmet" | "no_runner" | "no_runner_with_label" | "no_runner_with_isolation" | "runners_busy" | "run_limit" | "environment_limit" | "environment_stopping" | "runner_lost" | "attempts_exhausted" | "order_refused" | "remote_unreachable" | "remote_not_found" | "auth_refused" | "target_missing" | "remote_refused" | "project_file" | "sandbox" | "setup_failed" | "agent_missing" | "agent_failed" | "agent_stalled" | "timed_out" | "model_unreachable" | "provider_key" | "workspace_gone" | "import_refused" | "limit" | "disk_full" | "checks" | "conflict" | "diff_changed" | "checks_on_result" | "target_busy" | "cancelled" | "rejected_by_person" | "no_change" | "directory_missing" | "local_files" | "database_went_back" | "journal_foreign" | "internal";
        /** @description Where a record lives in a repository that the client owns. */
        Record: {
            /** @description The folder in it. */
            path: string;
            /** @description The ref. */
            ref: string;
            /** @description The git remote. */
            remote: string;
        };
        /** @description The same, to link who one is there to one's account. */
        RedeemLink: {
            /** @description `code` of the address. */
            code: string;
            /** @description `iss` of the address, where it has one. */
            iss?: string | null;
            /** @description The provider's name. */
            provider: string;
            /** @description What the browser kept. */
            secret: string;
            /** @description `state` of the address. */
            state: string;
        };
        /** @description What the provider sent the browser back with. */
        RedeemOidc: {
            /** @description `code` of the address. */
            code: string;
            /** @description `iss` of the address, where it has one. */
            iss?: string | null;
            /** @description What the browser kept. */
            secret: string;
            /** @description `state` of the address. */
            state: string;
        };
        /** @description Asks for an account. */
        Register: {
            /** @description Where a mail goes that confirms it. */
            email: string;
            /** @description What others are to call them. */
            name: string;
            /** @description What the organization is to be called that is made with it, where people may make some. */
            organization?: string | null;
            /** @description The password: 12 characters or more, of anything. */
            password: string;
        };
        /** @description Rejects a run's work. */
        Reject: {
            /** @description Why, in words. */
            reason: string;
        };
        /** @description Answers a run. */
        Reply: {
            /** @description The answer. */
            text: string;
        };
        /** @description Sets a new password by the token that was mailed. All sessions end. */
        ResetPassword: {
            /** @description The new password. */
            password: string;
            /** @description The token. */
            token: string;
        };
        /** @description What a decision rests on, besides the diff. */
        Review: {
            /**
             * Format: int64
             * @description Lines added, in all files.
             */
            additions: number;
            /** @description What was asked: the card, then every reply, oldest first. */
            asked: components["schemas"]["Asked"][];
            /** @description The commit it started from. */
            base: string | null;
            /** @description The work's last commit. */
            commit: string | null;
            /**
             * Format: int64
             * @description Lines removed, in all files.
             */
            deletions: number;
            /** @description The digest of the diff (`git patch-id --stable`): what an approval is bound to. */
            digest: string | null;
            /** @description The checks, with their times. */
            evidence: components["schemas"]["Evidence"][];
            /** @description Changed files in the diff's order; at most [`Review::FILES_MAX`]. */
            files: components["schemas"]["ChangedFile"][];
            /** @description The agent's last words; it need not have said any. */
            summary: string | null;
            /** @description There are more files than are listed. */
            truncated: boolean;
        };
        /**
         * @description What a member is in an organization, the least first: each may do what those before it may.
         * @enum {string}
         */
        Role: "viewer" | "developer" | "admin" | "owner";
        /** @description A run. */
        Run: {
            /** @description The agent's name. */
            agent: string;
            /** @description What the agent says of its own version. */
            agent_version: string | null;
            /** @description Who approved it. */
            approved_by: string | null;
            /**
             * Format: int32
             * @description Which try, from 1.
             */
            attempt: number;
            /** @description The commit it started from. */
            base: string | null;
            /** @description Who asked for it. */
            by: string | null;
            /** @description The card's id. */
            card: components["schemas"]["CardId"];
            /** @description The card's title. */
            card_title: string;
            /** @description The checks of the last attempt, in their order. */
            checks: components["schemas"]["Check"][];
            /** @description The last commit of the work; null when nothing changed. */
            commit: string | null;
            /**
             * Format: date-time
             * @description When it was asked for.
             */
            created_at: string;
            /** @description Why, in words. */
            detail: string | null;
            /** @description What could be reached from inside. */
            egress: components["schemas"]["Egress"];
            /**
             * Format: int32
             * @description The fence.
             */
            epoch: number;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at: string | null;
            /** @description Its id. */
            id: components["schemas"]["RunId"];
            /** @description What really stood around each of its steps, and what they used; empty in lists. */
            in_force?: components["schemas"]["InForce"][];
            /** @description The isolation in force; before a runner has reported, the one that is asked for. `none` and `worktree` are unsandboxed. */
            isolation: string;
            /** @description The commit on the target that brought it in. */
            landed: string | null;
            /**
             * Format: int64
             * @description How many events it has: they are numbered from 1 to this.
             */
            last_seq: number;
            /**
             * Format: date-time
             * @description When the remote that it waits for is asked again.
             */
            next_try_at: string | null;
            parent: components["schemas"]["RunId"] | null;
            /** @description How much sooner than others it is wanted. */
            priority?: components["schemas"]["Priority"];
            /** @description The project's id. */
            project: components["schemas"]["ProjectId"];
            reason: components["schemas"]["Reason"] | null;
            runner: components["schemas"]["RunnerId"] | null;
            /** @description The version of the runner's program that did its last step; left out in lists. */
            runner_version: string | null;
            /**
             * Format: date-time
             * @description When a runner first took it up.
             */
            started_at: string | null;
            /** @description Where it is. */
            state: components["schemas"]["State"];
            /** @description The target branch. */
            target: string;
            usage: components["schemas"]["Usage"] | null;
            /** @description What it waits for: `review`, or `remote`, which is away. */
            waiting_for: string | null;
        };
        /**
         * @description The id of a run. Later ones sort later.
         * @example run_0000000000epjtb9d5mpjtb9d5
         */
        RunId: string;
        /** @description A part of a list. */
        RunPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Run"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description A runner. */
        Runner: {
            /**
             * Format: int32
             * @description Jobs it holds now.
             */
            busy: number;
            /**
             * Format: int32
             * @description How many jobs it takes at once.
             */
            capacity: number;
            /**
             * Format: date-time
             * @description When it was enrolled.
             */
            created_at: string;
            /** @description Its id. */
            id: components["schemas"]["RunnerId"];
            /** @description What it offers. */
            labels: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description When it was last heard of.
             */
            last_seen: string | null;
            machine: components["schemas"]["Machine"] | null;
            /** @description Its host's name. */
            name: string;
            /** @description `online`, `draining` or `offline`. */
            state: string;
            /** @description Its program's version. */
            version: string;
        };
        /**
         * @description The id of a runner. Later ones sort later.
         * @example rnr_0000000000epjtb9d5mpjtb9d5
         */
        RunnerId: string;
        /** @description A part of a list. */
        RunnerPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Runner"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /**
         * @description What a token is for, of what its person may do. More may come.
         * @enum {string}
         */
        Scope: "read:board" | "write:board" | "read:jobs" | "write:jobs" | "review" | "read:settings" | "write:settings" | "read:runners" | "write:runners" | "read:members" | "write:members" | "llm:invoke" | "context:read" | "audit:read" | "destroy" | "account";
        /** @description How many members there are, and may be. */
        Seats: {
            /**
             * Format: int32
             * @description How many there may be; as many as like where null.
             */
            limit: number | null;
            /**
             * Format: int32
             * @description Members.
             */
            members: number;
        };
        /** @description Signs a browser in. */
        SignIn: {
            /** @description A sign-in link's token, or the token of a person. */
            token: string;
        };
        /** @description Signs in with a password. */
        SignInPassword: {
            /** @description The address. */
            email: string;
            organization?: components["schemas"]["TenantId"] | null;
            /** @description The password. */
            password: string;
        };
        /** @description A provider of identities. */
        SignInProvider: {
            /** @description Its name in paths. */
            name: string;
            /** @description Its name on a button. */
            title: string;
        };
        /** @description A link's token that signs one browser in, shown once: `<address>/sign-in#<token>`. */
        SignInToken: {
            /**
             * Format: date-time
             * @description It is refused from then on.
             */
            expires_at: string;
            /** @description The token. */
            token: string;
        };
        /** @description How one signs in here. */
        SignInWays: {
            /** @description Whether the server sends mail; without it no password is set anew and nobody is invited. */
            mail: boolean;
            /** @description Whether people may make organizations of their own. */
            organizations: boolean;
            /** @description Providers of identities. */
            providers: components["schemas"]["SignInProvider"][];
            /** @description Who gets an account: `open` (whoever asks), `invited` (whoever was invited) or `closed` (nobody). */
            registration: string;
        };
        /** @description A browser is signed in. */
        SignedIn: {
            /** @description Acts as the person from now on; sent as `Authorization: Bearer`. */
            token: string;
        };
        /** @description Starts a run. */
        StartRun: {
            /** @description The agent, by id or name; the only one there is where silent. */
            agent?: string | null;
            priority?: components["schemas"]["Priority"] | null;
        };
        /**
         * @description Where a run is.
         * @enum {string}
         */
        State: "queued" | "dispatching" | "running" | "succeeded" | "failed" | "waiting" | "landing" | "cancelled" | "rejected";
        /** @description A step of a run, as the journal has it. */
        Step: {
            /**
             * Format: int32
             * @description The fence that it was done under: a run that lost its runner has the steps of each epoch.
             */
            epoch: number;
            /**
             * Format: int32
             * @description Its exit code, where it has one.
             */
            exit_code: number | null;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at: string | null;
            /** @description Its name: `stage`, `setup`, `agent`, `collect`, `check`, `park`, `land`. */
            name: string;
            /**
             * Format: int32
             * @description Its number in the epoch, from 1, which has one name; left out where the runner gave none.
             */
            number: number | null;
            /**
             * Format: date-time
             * @description When it began.
             */
            started_at: string;
            /** @description `running`, `done`, `failed` or `cancelled`. */
            state: string;
            /** @description The version of the program that did it. */
            version: string | null;
        };
        /** @description A part of a list. */
        StepPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Step"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /**
         * @description The id of an organization. Later ones sort later.
         * @example ten_0000000000epjtb9d5mpjtb9d5
         */
        TenantId: string;
        /**
         * @description The id of a token. Later ones sort later.
         * @example tok_0000000000epjtb9d5mpjtb9d5
         */
        TokenId: string;
        /** @description A token for programs that was made just now. */
        TokenMade: {
            /** @description What it is. */
            about: components["schemas"]["AccessToken"];
            /** @description The token, shown this once; sent as `Authorization: Bearer`. */
            token: string;
        };
        /** @description What a run has used of its models: counted by the runner's gateway, or said by the agent. */
        Usage: {
            /**
             * Format: int64
             * @description Tokens that went in.
             */
            input_tokens: number;
            /**
             * Format: int64
             * @description Tokens that came out.
             */
            output_tokens: number;
            /**
             * Format: int64
             * @description Requests to the model; 0 where only the agent counted.
             */
            requests: number;
        };
        /** @description The code that a device shows. */
        UserCode: {
            /** @description As it is shown; neither case nor what stands between letters matters. */
            user_code: string;
        };
        /**
         * @description The id of a person. Later ones sort later.
         * @example user_0000000000epjtb9d5mpjtb9d5
         */
        UserId: string;
        /**
         * @description What a person is needed for.
         * @enum {string}
         */
        Waits: "review" | "failed" | "stuck";
        /** @description A webhook. */
        Webhook: {
            /** @description Where to. */
            address: string;
            /**
             * Format: date-time
             * @description When it was added.
             */
            created_at: string;
            /** @description What it is told of. */
            events: components["schemas"]["WebhookEvent"][];
            /**
             * Format: date-time
             * @description Since when every try has failed.
             */
            failing_since: string | null;
            /** @description Its id. */
            id: components["schemas"]["WebhookId"];
            /**
             * Format: int64
             * @description The sequence of what it was told of last.
             */
            last_sequence: number;
            /**
             * Format: date-time
             * @description Until when what is sent is signed with the secret before the last rotation as well.
             */
            old_secret_until: string | null;
            /** @description Why nothing is sent: `person`, `gone` (it answered 410), `failing` (three days without a success); null while it is sent to. */
            paused: string | null;
            /**
             * Format: date-time
             * @description Since when nothing is sent.
             */
            paused_at: string | null;
            /**
             * Format: int32
             * @description How many deliveries wait to be sent, or sent again.
             */
            waiting: number;
        };
        /** @description A try to deliver. */
        WebhookAttempt: {
            /** @description The answer's first kilobyte, as text. */
            answer: string | null;
            /**
             * Format: date-time
             * @description When it began.
             */
            at: string;
            /**
             * Format: int32
             * @description Which one, from 1.
             */
            n: number;
            /** @description How it ended: `delivered`, `gone`, `redirected`, `refused`, `timed_out`, `unreachable`, `forbidden_address`, `sealed`. More may come. */
            outcome: string;
            /**
             * Format: int32
             * @description The answer's status.
             */
            status: number | null;
            /**
             * Format: int32
             * @description How long it took, in milliseconds.
             */
            took_ms: number;
        };
        /** @description What a webhook was told, or is to be told, of one thing that happened. */
        WebhookDelivery: {
            /**
             * Format: date-time
             * @description When it happened.
             */
            at: string;
            /**
             * Format: date-time
             * @description When it was delivered or given up.
             */
            done_at: string | null;
            /** @description What happened. */
            event: components["schemas"]["WebhookEvent"];
            /** @description Its id, which is sent as `webhook-id`: the same however often it is sent. */
            id: components["schemas"]["DeliveryId"];
            /**
             * Format: date-time
             * @description When it is sent next; null where that is not to come, while it is on its way, and while the webhook is paused.
             */
            next_try_at: string | null;
            /**
             * Format: int64
             * @description Counts up for each thing that the webhook is told of; what was left out leaves a gap.
             */
            sequence: number;
            /** @description `waiting`, `delivered` or `failed`. */
            state: string;
            /**
             * Format: int32
             * @description How often it was sent, or tried to be sent.
             */
            tries: number;
        };
        /** @description A part of a list. */
        WebhookDeliveryPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["WebhookDelivery"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
        /** @description A delivery, with what is sent and what came of each try. */
        WebhookDeliveryShown: {
            /** @description The delivery. */
            about: components["schemas"]["WebhookDelivery"];
            /** @description The tries, oldest first. One whose end nobody saw, as its server ended before, is not among them. */
            attempts: components["schemas"]["WebhookAttempt"][];
            /** @description What is sent. */
            body: Record<string, never>;
        };
        /**
         * @description What webhooks are told of; docs/webhooks.md says what each means. More may come.
         * @enum {string}
         */
        WebhookEvent: "run.started" | "run.review_needed" | "run.input_needed" | "run.landed" | "run.unchanged" | "run.failed" | "run.rejected" | "run.cancelled" | "card.created" | "card.moved" | "member.joined" | "member.left" | "runner.enrolled" | "runner.lost" | "runner.revoked" | "webhook.test";
        /**
         * @description The id of a webhook. Later ones sort later.
         * @example whk_0000000000epjtb9d5mpjtb9d5
         */
        WebhookId: string;
        /** @description A webhook whose secret is new. */
        WebhookMade: {
            /** @description What it is. */
            about: components["schemas"]["Webhook"];
            /** @description What its receiver verifies with, shown this once. */
            secret: string;
        };
        /** @description A part of a list. */
        WebhookPage: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["Webhook"][];
            /** @description The cursor for `after`, when there is more. */
            next: string | null;
        };
    };
    responses: {
        /** @description It was refused or it failed, and nothing was changed unless the problem says so. */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    account: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    identity_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkedIdentityPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    identity_link: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedeemLink"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkedIdentity"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    identity_begin: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BeginLink"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BegunOidc"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    identity_unlink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The linked identity's id. */
                identity: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_accept_as: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InvitationToken"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    organization_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrganizationPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    organization_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewOrganization"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Organization"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    organization_enter: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The organization's id. */
                organization: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    password_change: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangePassword"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    session_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BrowserSessionPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    session_end_others: {
        parameters: {
            query?: never;
            header?: {
                /** @description What the `confirmation` of a first try's refusal said, where a person sits behind the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs need none, but the scope `destroy`; with `ask` they are asked, too. */
                confirmation?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    session_end: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    agent_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    agent_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAgent"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agent"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    agent_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The agent's id or name. */
                agent: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agent"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    agent_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The agent's id or name. */
                agent: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAgent"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agent"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    agent_remove: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
                /** @description What the `confirmation` of a first try's refusal said, where a person sits behind the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs need none, but the scope `destroy`; with `ask` they are asked, too. */
                confirmation?: string;
            };
            path: {
                /** @description The agent's id or name. */
                agent: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    audit_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the newest where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
                /** @description Of this person, token or runner: an id. */
                actor?: string;
                /** @description Of this action; of all whose name begins so where it ends in a dot (`run.`). */
                action?: string;
                /** @description About this thing: an id. */
                resource?: string;
                /** @description From then on. */
                since?: string;
                /** @description Before then. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEntryPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    audit_export: {
        parameters: {
            query?: {
                /** @description Entries behind the one with this number; all that are there where silent. */
                after?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A head, then entries and signed checkpoints, one document a line. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    audit_head: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditHead"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_list: {
        parameters: {
            query: {
                /** @description The project, by id or name. */
                project: string;
                /** @description Those that were put away, in place of those on the board. */
                archived?: boolean;
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CardPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewCard"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Card"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Card"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    card_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditCard"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Card"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_archive: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Card"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_history: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CardEventPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_move: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MoveCard"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Card"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    card_restore: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Card"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The card's id. */
                card: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StartRun"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    changes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One `Change` each, as JSON in `data`; `event` is its `change`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    device_ask: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewDevice"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceCodes"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    device_approve: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserCode"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    device_deny: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserCode"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    device_look: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserCode"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    device_poll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DevicePoll"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceState"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_list: {
        parameters: {
            query?: {
                /** @description A project, by id or name. */
                project?: string;
                /** @description Only those that have not ended, or only those that have. */
                active?: boolean;
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_limits: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentLimits"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_limits_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditEnvironmentLimits"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentLimits"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_usage: {
        parameters: {
            query?: {
                /** @description A project, by id or name. */
                project?: string;
                /** @description The first day, in UTC; 30 days before the last where silent. */
                from?: string;
                /** @description The last day; today where silent. */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentUsage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The environment's id, or its project's name. */
                environment: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Environment"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_stop: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The environment's id, or its project's name. */
                environment: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Environment"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    group_role_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GroupRolePage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    group_role_put: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutGroupRole"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GroupRole"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    group_role_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id under which a group is listed. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The database does not answer. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    inbox: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InboxItemPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvitationPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewInvitation"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_accept: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AcceptInvitation"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_look: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InvitationToken"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvitationSeen"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The invitation's id, or the address that is invited. */
                invitation: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    invitation_resend: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The invitation's id, or the address that is invited. */
                invitation: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    member_list: {
        parameters: {
            query?: {
                /** @description Only those in whose name or address this stands, whatever its letters' case. */
                search?: string;
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemberPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    member_leave: {
        parameters: {
            query?: never;
            header?: {
                /** @description What the `confirmation` of a first try's refusal said, where a person sits behind the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs need none, but the scope `destroy`; with `ask` they are asked, too. */
                confirmation?: string;
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    member_seats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Seats"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    member_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The person's id, or their address. */
                member: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Member"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    member_remove: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
                /** @description What the `confirmation` of a first try's refusal said, where a person sits behind the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs need none, but the scope `destroy`; with `ask` they are asked, too. */
                confirmation?: string;
            };
            path: {
                /** @description The person's id, or their address. */
                member: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    member_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The person's id, or their address. */
                member: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditMember"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Member"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    password_forgot: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ForgotPassword"];
            };
        };
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    password_reset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResetPassword"];
            };
        };
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    project_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    project_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProject"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    project_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The project's id or name. */
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    project_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The project's id or name. */
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditProject"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    environment_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The project's id or name. */
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There is one already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Environment"];
                };
            };
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Environment"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    provider_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    provider_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProvider"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    provider_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The provider's id or name. */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    provider_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The provider's id or name. */
                provider: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProvider"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    provider_remove: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
                /** @description What the `confirmation` of a first try's refusal said, where a person sits behind the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs need none, but the scope `destroy`; with `ask` they are asked, too. */
                confirmation?: string;
            };
            path: {
                /** @description The provider's id or name. */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Register"];
            };
        };
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    register_confirm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfirmRegistration"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    runner_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunnerPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    enrol_token: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnrolToken"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    runner_revoke: {
        parameters: {
            query?: never;
            header?: {
                /** @description What the `confirmation` of a first try's refusal said, where a person sits behind the token: good once, for five minutes, for the same act on the same state. Tokens that were made for programs need none, but the scope `destroy`; with `ask` they are asked, too. */
                confirmation?: string;
            };
            path: {
                /** @description The runner's id or name. */
                runner: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    run_list: {
        parameters: {
            query?: {
                /** @description Of this project, by id or name. */
                project?: string;
                /** @description Of this card. */
                card?: string;
                /** @description In one of these states, with commas between. */
                state?: string;
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    run_approve: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Approve"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_base: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Base"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_cancel: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_diff: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A unified diff as git writes it. Its bytes are those of the files: not always UTF-8. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/x-diff": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    event_list: {
        parameters: {
            query?: {
                /** @description Those behind this `seq`, the first of them first. */
                after?: number;
                /** @description Those ahead of this `seq`. Without `after`, the last of them, oldest first all the same; `next` is then the `before` of the part ahead. */
                before?: number;
                /** @description Most items, 200 at most. A part also ends at 2 MB of content. */
                limit?: number;
                /** @description Of these types, with commas between. */
                kind?: string;
                /** @description Of this step. */
                step?: string;
            };
            header?: never;
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    event_follow: {
        parameters: {
            query?: {
                /** @description The last `seq` that was seen; from the first event on where silent. */
                after?: number;
            };
            header?: {
                /** @description As `after`, which it goes before: what a browser sends when it resumes. */
                "last-event-id"?: number;
            };
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One `Event` each, as JSON in `data`; `id` is its `seq`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_logs: {
        parameters: {
            query?: {
                /** @description Go on until the run has ended. */
                follow?: boolean;
                /** @description Only about the last so many bytes. */
                tail?: number;
            };
            header?: never;
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes, as the agent wrote them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_reject: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reject"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_reply: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reply"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    run_review: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Review"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    step_list: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StepPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    service_token_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessTokenPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    service_token_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewServiceToken"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenMade"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    service_token_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token's id. */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    session_renew: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    oidc_begin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The provider's id or name. */
                provider: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BeginOidc"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BegunOidc"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    oidc_redeem: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The provider's id or name. */
                provider: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedeemOidc"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sign_in_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInPassword"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sign_in_link: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInToken"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sign_in_ways: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInWays"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    token_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessTokenPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    token_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenMade"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    token_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token's id. */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewWebhook"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookMade"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_show: {
        parameters: {
            query?: never;
            header?: {
                /** @description An `ETag` that came with this before: where it has not changed, the answer is 304 without a body. */
                "if-none-match"?: string;
            };
            path: {
                /** @description The webhook's id. */
                webhook: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            /** @description It has not changed. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_remove: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The webhook's id. */
                webhook: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that came with what the change was made from. Where it is another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made from whatever there is. */
                "if-match"?: string;
            };
            path: {
                /** @description The webhook's id. */
                webhook: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditWebhook"];
            };
        };
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    delivery_list: {
        parameters: {
            query?: {
                /** @description The `next` of the part before; the first part where silent. */
                after?: string;
                /** @description Most items, 200 at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The webhook's id. */
                webhook: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryPage"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    delivery_show: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The webhook's id. */
                webhook: string;
                /** @description The delivery's id. */
                delivery: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryShown"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    delivery_replay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The webhook's id. */
                webhook: string;
                /** @description The delivery's id. */
                delivery: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_rotate: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The webhook's id. */
                webhook: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookMade"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    webhook_test: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes a repeated request one request: for 24 hours the same key and request give the same answer, and another request under it is refused as `idempotency_mismatch`. 1 to 200 visible ASCII characters, best a random UUID. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The webhook's id. */
                webhook: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Here it is. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
}
