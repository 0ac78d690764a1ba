/**
 * The carriers, lanes and facilities that generated shipments move over: real ones, the busiest of the bundled data set
 * (demo/shipments, CC0), with how often each was used there and how punctual each carrier was.
 */
export interface Lane {
  /** Origin and destination facility. */
  readonly lane: string;
  readonly miles: number;
  /** Planned time from pickup to delivery. */
  readonly minutes: number;
  /** Shipments in the data set: the lane's weight. */
  readonly weight: number;
}

export interface Carrier {
  readonly code: string;
  /** Half of its deliveries are later than this after their eta; negative is early. */
  readonly delayMinutesMedian: number;
  /** Share of shipments that end in an exception. */
  readonly exceptionShare: number;
  readonly lanes: readonly Lane[];
}

const lane = (name: string, miles: number, minutes: number, weight: number): Lane => ({
  lane: name,
  miles,
  minutes,
  weight,
});

export const CARRIERS: readonly Carrier[] = [
  {
    code: 'UA',
    delayMinutesMedian: -5,
    exceptionShare: 0.061,
    lanes: [
      lane('EWR-IAH', 1400, 238, 188),
      lane('EWR-ORD', 719, 156, 176),
      lane('EWR-MCO', 937, 172, 171),
      lane('EWR-BOS', 200, 74, 170),
      lane('LGA-IAH', 1416, 251, 147),
      lane('EWR-FLL', 1065, 187, 132),
    ],
  },
  {
    code: 'B6',
    delayMinutesMedian: 0,
    exceptionShare: 0.056,
    lanes: [
      lane('JFK-FLL', 1069, 192, 171),
      lane('JFK-MCO', 944, 180, 158),
      lane('JFK-BUF', 301, 86, 127),
      lane('JFK-BOS', 187, 74, 126),
      lane('LGA-FLL', 1076, 193, 113),
      lane('EWR-FLL', 1065, 187, 94),
    ],
  },
  {
    code: 'EV',
    delayMinutesMedian: 3,
    exceptionShare: 0.086,
    lanes: [
      lane('EWR-DTW', 488, 126, 154),
      lane('EWR-DCA', 199, 67, 136),
      lane('EWR-RDU', 416, 96, 95),
      lane('EWR-STL', 872, 169, 89),
      lane('EWR-CVG', 569, 128, 88),
      lane('EWR-PWM', 284, 73, 84),
    ],
  },
  {
    code: 'DL',
    delayMinutesMedian: -11,
    exceptionShare: 0.059,
    lanes: [
      lane('LGA-ATL', 762, 154, 261),
      lane('LGA-DTW', 502, 125, 150),
      lane('EWR-ATL', 746, 152, 145),
      lane('LGA-MSP', 1020, 191, 119),
      lane('JFK-LAX', 2475, 384, 119),
      lane('LGA-MCO', 950, 180, 103),
    ],
  },
  {
    code: 'AA',
    delayMinutesMedian: -6,
    exceptionShare: 0.062,
    lanes: [
      lane('LGA-DFW', 1389, 250, 262),
      lane('LGA-ORD', 733, 160, 234),
      lane('LGA-MIA', 1096, 199, 195),
      lane('JFK-LAX', 2475, 384, 165),
      lane('JFK-MIA', 1089, 204, 113),
      lane('EWR-DFW', 1372, 246, 102),
    ],
  },
  {
    code: 'MQ',
    delayMinutesMedian: -3,
    exceptionShare: 0.085,
    lanes: [
      lane('LGA-RDU', 431, 105, 172),
      lane('EWR-ORD', 719, 156, 121),
      lane('LGA-ATL', 762, 154, 117),
      lane('JFK-DCA', 213, 85, 111),
      lane('LGA-BNA', 764, 150, 104),
      lane('LGA-DTW', 502, 125, 99),
    ],
  },
  {
    code: 'US',
    delayMinutesMedian: -4,
    exceptionShare: 0.082,
    lanes: [
      lane('LGA-DCA', 214, 75, 243),
      lane('LGA-BOS', 184, 68, 214),
      lane('LGA-CLT', 544, 124, 179),
      lane('EWR-CLT', 529, 117, 163),
      lane('JFK-CLT', 541, 123, 87),
      lane('EWR-PHX', 2133, 339, 52),
    ],
  },
  {
    code: '9E',
    delayMinutesMedian: -7,
    exceptionShare: 0.105,
    lanes: [
      lane('JFK-BOS', 187, 74, 73),
      lane('JFK-PHL', 94, 66, 71),
      lane('JFK-BWI', 184, 78, 57),
      lane('JFK-DCA', 213, 85, 57),
      lane('JFK-ORD', 740, 174, 56),
      lane('JFK-BUF', 301, 86, 56),
    ],
  },
  {
    code: 'WN',
    delayMinutesMedian: -7,
    exceptionShare: 0.061,
    lanes: [
      lane('EWR-MDW', 711, 140, 105),
      lane('LGA-MDW', 725, 155, 99),
      lane('LGA-MKE', 738, 155, 64),
      lane('EWR-BWI', 169, 62, 53),
      lane('EWR-HOU', 1411, 250, 50),
      lane('EWR-PHX', 2133, 339, 37),
    ],
  },
  {
    code: 'FL',
    delayMinutesMedian: -2,
    exceptionShare: 0.062,
    lanes: [lane('LGA-ATL', 762, 154, 143), lane('LGA-CAK', 397, 96, 36), lane('LGA-MKE', 738, 155, 15)],
  },
  {
    code: 'VX',
    delayMinutesMedian: -16,
    exceptionShare: 0.062,
    lanes: [
      lane('JFK-LAX', 2475, 384, 86),
      lane('JFK-SFO', 2586, 400, 70),
      lane('JFK-LAS', 2248, 358, 19),
      lane('JFK-PSP', 2378, 365, 3),
    ],
  },
  { code: 'AS', delayMinutesMedian: -18, exceptionShare: 0.054, lanes: [lane('EWR-SEA', 2402, 371, 37)] },
  { code: 'F9', delayMinutesMedian: -2, exceptionShare: 0.03, lanes: [lane('LGA-DEN', 1620, 271, 33)] },
  { code: 'YV', delayMinutesMedian: -7, exceptionShare: 0.067, lanes: [lane('LGA-IAD', 229, 83, 30)] },
  { code: 'HA', delayMinutesMedian: -55, exceptionShare: 0.056, lanes: [lane('JFK-HNL', 4983, 700, 18)] },
];

/** Latitude and longitude in degrees, WGS 84. */
export const FACILITIES: Readonly<Record<string, readonly [lat: number, lon: number]>> = {
  ATL: [33.636719, -84.428067],
  BNA: [36.124472, -86.678194],
  BOS: [42.364347, -71.005181],
  BUF: [42.940525, -78.732167],
  BWI: [39.175361, -76.668333],
  CAK: [40.916083, -81.442194],
  CLT: [35.214, -80.943139],
  CVG: [39.048836, -84.667822],
  DCA: [38.852083, -77.037722],
  DEN: [39.861656, -104.673178],
  DFW: [32.896828, -97.037997],
  DTW: [42.212444, -83.353389],
  EWR: [40.6925, -74.168667],
  FLL: [26.072583, -80.15275],
  HNL: [21.318681, -157.922428],
  HOU: [29.645419, -95.278889],
  IAD: [38.944533, -77.455811],
  IAH: [29.984433, -95.341442],
  JFK: [40.639751, -73.778925],
  LAS: [36.080056, -115.15225],
  LAX: [33.942536, -118.408075],
  LGA: [40.777245, -73.872608],
  MCO: [28.429394, -81.308994],
  MDW: [41.785972, -87.752417],
  MIA: [25.79325, -80.290556],
  MKE: [42.947222, -87.896583],
  MSP: [44.881956, -93.221767],
  ORD: [41.978603, -87.904842],
  PHL: [39.871944, -75.241139],
  PHX: [33.434278, -112.011583],
  PSP: [33.829667, -116.506694],
  PWM: [43.646161, -70.309281],
  RDU: [35.877639, -78.787472],
  SEA: [47.449, -122.309306],
  SFO: [37.618972, -122.374889],
  STL: [38.748697, -90.370028],
};
