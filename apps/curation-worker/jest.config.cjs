module.exports = { ...require('../../jest.preset.cjs'), displayName: 'curation-worker', rootDir: __dirname };
