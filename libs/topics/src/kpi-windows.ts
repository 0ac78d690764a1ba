/**
 * `kpi.windows`: windows of one tenant that were told of together. A window is told of again whenever more is known;
 * whoever keeps, of each window and key, the firing with the highest revision has what is true now.
 */
export interface KpiWindows {
  readonly tenant: string;
  readonly firings: readonly KpiWindowFired[];
}

export interface KpiWindowFired {
  /** `1m` slides by 20 s and counts all types of a facility; `5m` and `1d` tumble and count by type and facility. */
  readonly window: '1m' | '5m' | '1d';
  /** Event time, inclusive. */
  readonly start: string;
  /** Event time, exclusive. */
  readonly end: string;
  readonly key: {
    /** Null among `other`; absent where all types are counted together. */
    readonly eventType?: string | null;
    /** Null for events without a facility, and among `other`. */
    readonly facilityId: string | null;
    /** One of the names is beyond the number that is counted apart: it stands for all of those. */
    readonly other?: true;
  };
  /** 1, 2, 3, … for each window and key. */
  readonly revision: number;
  /** Before the watermark passed the window, when it did, or after. */
  readonly kind: 'early' | 'on_time' | 'late';
  /** How far event time had come. */
  readonly watermark: string;
  readonly events: number;
  /** Of these, accepted later than their contracts allow. */
  readonly late: number;
  readonly latenessSecondsMax: number;
}
