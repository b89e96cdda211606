import type { Limiter, Plugin, PluginContext } from '../../broker/ports/plugin.js';
import { addOthers, listOthers, removeOthers } from './others.js';
import { forgetPerson } from './forget.js';
import { matchPhones, matchLimiter } from './match.js';
import { getPrivacy, setPrivacy } from './privacy.js';
import { getProfiles, setProfile, takePhone } from './profiles.js';
import { objectionTo } from './reach.js';
import { addReport, reportLimiter } from './reports.js';

/** People: their profiles and contacts, whom they block, what they let others do and see, and whom they report. */
export function peoplePlugin(): Plugin {
  let context: PluginContext;
  let matches: Limiter;
  let reports: Limiter;
  return {
    name: 'people',
    start(given) {
      context = given;
      matches = matchLimiter(given);
      reports = reportLimiter(given);
    },
    mayReach: (from, to, what) => objectionTo(context.storage.relations, from, to, what),
    authenticated: (identity) => takePhone(context, identity),
    // Before the first connection there was no such user.
    connected: (session) => takePhone(context, session.identity),
    userRemoved: (user) => forgetPerson(context, user),
    methods: {
      'profile.get': (caller, request) => getProfiles(context, caller, request),
      'profile.set': (caller, request) => setProfile(context, caller, request),
      'contacts.add': (caller, request) => addOthers(context, caller.user, 'contact', request.users),
      'contacts.remove': (caller, request) => removeOthers(context, caller.user, 'contact', request.users),
      'contacts.list': (caller, request) => listOthers(context, caller.user, 'contact', request),
      'contacts.match': (caller, request) => matchPhones(context, matches, caller, request),
      'blocks.add': (caller, request) => addOthers(context, caller.user, 'block', request.users),
      'blocks.remove': (caller, request) => removeOthers(context, caller.user, 'block', request.users),
      'blocks.list': (caller, request) => listOthers(context, caller.user, 'block', request),
      'privacy.get': (caller) => getPrivacy(context, caller),
      'privacy.set': (caller, request) => setPrivacy(context, caller, request),
      'reports.add': (caller, request) => addReport(context, reports, caller, request),
    },
  };
}
