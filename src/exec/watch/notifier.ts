/** The port to the system's notifications about folders; must not know what they are used for. */

/** Something happened in a folder or to it. */
export interface FolderEvent {
  /** The entry that it happened to; null: the folder itself. */
  readonly name: string | null;
  /** An entry came, went or was replaced, rather than changed; of the folder itself: it is not there any more. */
  readonly isIdentity: boolean;
}

/** Told about one folder. */
export interface FolderListener {
  event(event: FolderEvent): void;
  /** Events were lost: anything may have happened. */
  lost(): void;
}

/** Watches folders, not what is deeper in them. */
export interface Notifier extends AsyncDisposable {
  /** Fails with an `OsError`. Disposing what it returns ends the watch. */
  watch(folder: string, listener: FolderListener): Disposable;
}
