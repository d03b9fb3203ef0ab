/** Databases keep whole seconds; only the answer to the creating request shows the fraction. */
export const wholeSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** Cinder's form: UTC without a zone, six digits of a fraction. */
export const isoMicros = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000`;

/** Keystone's form. */
export const isoMicrosZ = (ms: number): string => `${isoMicros(ms)}Z`;

/** Nova's form. */
export const isoSecondsZ = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
