module.exports = { ...require('../../jest.preset.cjs'), displayName: 'analytics-api', rootDir: __dirname };
