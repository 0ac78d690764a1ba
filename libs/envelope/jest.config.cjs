module.exports = { ...require('../../jest.preset.cjs'), displayName: 'envelope', rootDir: __dirname };
