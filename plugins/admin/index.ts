import type { Plugin, PluginContext } from '../../broker/ports/plugin.js';
import { backup } from './backup.js';
import { listDevices, queued } from './devices.js';
import { listReports, removeReport } from './reports.js';
import { addUser, listUsers, removeUser } from './users.js';

/** The control calls of whoever runs the server. The table of methods asks for a token with the claim `admin: true`. */
export function adminPlugin(): Plugin {
  let context: PluginContext;
  return {
    name: 'admin',
    start(given) {
      context = given;
    },
    methods: {
      'admin.users.add': (_caller, request) => addUser(context, request),
      'admin.users.remove': (_caller, request) => removeUser(context, request),
      'admin.users.list': (_caller, request) => listUsers(context, request),
      'admin.devices.list': (_caller, request) => listDevices(context, request),
      'admin.queue': (_caller, request) => queued(context, request),
      'admin.reports.list': (_caller, request) => listReports(context, request),
      'admin.reports.remove': (_caller, request) => removeReport(context, request),
      'admin.backup': (_caller, request) => backup(context, request),
    },
  };
}
