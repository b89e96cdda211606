import type { Collection, Db } from 'mongodb';

/** The data folder whose users, groups and old messages a database has: those of another have the same names and places. */
const folders = (db: Db): Collection<{ _id: 'data'; name: string }> => db.collection('folder');

/** The name of the folder that a database belongs to; undefined: to none yet. */
export async function ownerOf(db: Db): Promise<string | undefined> {
  return (await folders(db).findOne({ _id: 'data' }))?.name;
}

/** @throws Error when the database belongs to another folder */
export async function claim(db: Db, name: string): Promise<void> {
  const owner = await folders(db).findOneAndUpdate({ _id: 'data' }, { $setOnInsert: { name } }, { upsert: true, returnDocument: 'after' });
  if (owner?.name !== name) throw new Error('this database belongs to another data folder: give that one with GODWIT_DATA, or name another database in GODWIT_MONGO_URL');
}
