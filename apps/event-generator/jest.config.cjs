module.exports = { ...require('../../jest.preset.cjs'), displayName: 'event-generator', rootDir: __dirname };
